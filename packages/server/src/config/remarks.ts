import { isIP } from 'node:net';
import type { AccessControlConfig, Config } from './config.ts';
import { issuerRemarks } from './issuer-remarks.ts';
import type { Problem } from './key-path.ts';
import { hasUsers, isOpenToEveryone, type Surroundings } from './resolve.ts';
import type { ConfigFile } from './schema.ts';

const SPEC_VERSION = '1.1.1';

/** What is accepted and does not do what its writer may think; nothing here is wrong. */
export function remarksOn(
  file: ConfigFile,
  config: Config,
  around: Pick<Surroundings, 'filePath'>,
): Problem[] {
  return [
    ...storageRemarks(file, around),
    ...httpRemarks(file),
    ...accessRemarks(file, config, around),
    ...issuerRemarks(config),
  ];
}

function storageRemarks(file: ConfigFile, around: Pick<Surroundings, 'filePath'>): Problem[] {
  const remarks: Problem[] = [];
  const storage = file.storage ?? {};
  const volumes = [
    { prefix: 'storage', section: storage },
    ...Object.entries(storage.subPaths ?? {}).map(([path, section]) => ({
      prefix: `storage.subPaths["${path}"]`,
      section,
    })),
  ];
  for (const { prefix, section } of volumes) {
    const add = (key: string, message: string) => remarks.push({ place: `${prefix}.${key}`, message });
    if (section.dedupe === false) add('dedupe', 'has no effect: content is always stored once');
    if (section.commit === false) {
      add('commit', 'has no effect: every acknowledged write is on disk, always');
    }
    if (section.gc === false && section.gcDelay) {
      add('gcDelay', 'is used by "zas gc" only: gc is off');
    }
    if (section.gc === false && section.gcInterval) add('gcInterval', 'has no effect: gc is off');
  }
  if (storage.fastRestart !== undefined) {
    const message = 'has no effect: a start never walks the storage';
    remarks.push({ place: 'storage.fastRestart', message });
  }
  // Whoever brings zot's file may count on zot's collection.
  if (around.filePath !== undefined && storage.gc !== false && storage.gcUntagged === undefined) {
    const message =
      'is false by default: untagged manifests are kept, where zot removes them; true removes them after gcDelay';
    remarks.push({ place: 'storage.gcUntagged', message });
  }
  for (const key of ['metadataDriver', 'blobDriver'] as const) {
    if (storage[key] === 'memory') {
      remarks.push({
        place: `storage.${key}`,
        message: 'is "memory": everything is gone when the server ends',
      });
    }
  }
  return remarks;
}

function httpRemarks(file: ConfigFile): Problem[] {
  const remarks: Problem[] = [];
  if (file.distSpecVersion !== undefined && file.distSpecVersion !== SPEC_VERSION) {
    const message = `has no effect: version ${SPEC_VERSION} and newer is what is served`;
    remarks.push({ place: 'distSpecVersion', message });
  }
  if (file.http?.readTimeout !== undefined) {
    const message = 'limits how long an upload may bring nothing, not how long it takes';
    remarks.push({ place: 'http.readTimeout', message });
  }
  if (file.http?.writeTimeout !== undefined) {
    const message = 'limits how long a client may take nothing, not how long a download takes';
    remarks.push({ place: 'http.writeTimeout', message });
  }
  const { ldap } = file.http?.auth ?? {};
  if (ldap?.insecure && !ldap.startTLS) {
    const message = 'is true without startTLS: passwords cross the network to the directory readable';
    remarks.push({ place: 'http.auth.ldap.insecure', message });
  }
  if (ldap?.startTLS && !ldap.insecure) {
    const message = 'has no effect without insecure, as in zot: the connection is LDAPS';
    remarks.push({ place: 'http.auth.ldap.startTLS', message });
  }
  if (ldap?.skipVerify) {
    const message = 'is true: whoever can take the place of the directory gets the passwords';
    remarks.push({ place: 'http.auth.ldap.skipVerify', message });
  }
  if (file.http?.externalUrl && !hasUsers(file)) {
    const message =
      'has no effect: nobody logs in, and links of the registry are relative to where the client asked';
    remarks.push({ place: 'http.externalUrl', message });
  }
  if (file.http?.auth?.sessionKeysFile) {
    const message = 'has no effect: sessions are kept in the records of the store, under random names';
    remarks.push({ place: 'http.auth.sessionKeysFile', message });
  }
  for (const key of ['mgmt', 'apikey'] as const) {
    if (file.extensions?.[key] !== undefined) {
      remarks.push({ place: `extensions.${key}`, message: 'has no effect, as in zot' });
    }
  }
  return remarks;
}

function accessRemarks(file: ConfigFile, config: Config, around: Pick<Surroundings, 'filePath'>): Problem[] {
  const remarks: Problem[] = [];
  if (isOpenToEveryone(file, around)) {
    const message =
      'is missing, and so is http.accessControl: everybody may read, write and delete, as in zot';
    remarks.push({ place: 'http.auth', message });
  }
  const { accessControl } = config.access;
  if (accessControl !== undefined && !grantsAnything(accessControl)) {
    remarks.push({
      place: 'http.accessControl',
      message: 'gives nobody anything in any repository, as in zot',
    });
  }
  if (config.http.tls === undefined && !isLoopback(config.http.address)) {
    const message = 'is missing: passwords and content cross the network readable, unless a proxy adds TLS';
    remarks.push({ place: 'http.tls', message });
  }
  return remarks;
}

function grantsAnything({ repositories, adminPolicy }: AccessControlConfig): boolean {
  if (adminPolicy !== undefined && adminPolicy.actions.length > 0) return true;
  return Object.values(repositories).some(
    ({ policies, defaultPolicy, anonymousPolicy }) =>
      defaultPolicy.length + anonymousPolicy.length > 0 || policies.some(({ actions }) => actions.length > 0),
  );
}

function isLoopback(address: string): boolean {
  if (isIP(address) === 0) return address.toLowerCase() === 'localhost';
  return address.startsWith('127.') || address === '::1';
}
