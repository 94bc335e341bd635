import { realpathSync } from 'node:fs';
import { relative, sep } from 'node:path';
import { checkAuthMethods } from './check-auth-methods.ts';
import type { Config } from './config.ts';
import { formatPath, type Problem } from './key-path.ts';
import type { ConfigFile } from './schema.ts';

/** A single component of a repository name (distribution-spec, "Pulling manifests") behind a slash, as in zot. */
const SUB_PATH = /^\/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*$/;
const MAX_SUB_PATH_LENGTH = 128;

/** What each key allows by itself and the whole does not: zot's checks, and ours. */
export function checkValues(file: ConfigFile, config: Config): Problem[] {
  return [
    ...checkTls(file),
    ...checkAuthMethods(file),
    ...checkSubPaths(file, config),
    ...checkDirectories(config),
    ...checkAddresses(file, config),
    ...checkWorkers(file),
    ...checkAudit(config),
  ];
}

function checkAudit({ log, sections }: Config): Problem[] {
  if (log.audit === undefined || sections.audit?.enable !== false) return [];
  return [
    { place: 'log.audit', message: 'needs the audit trail, which extensions.audit.enable switches off' },
  ];
}

function checkTls(file: ConfigFile): Problem[] {
  const { cert, key, cacert } = file.http?.tls ?? {};
  if (cert && !key) return [{ place: 'http.tls.key', message: 'is missing; http.tls.cert needs it' }];
  if (key && !cert) return [{ place: 'http.tls.cert', message: 'is missing; http.tls.key needs it' }];
  if (cacert && !cert) {
    return [{ place: 'http.tls.cacert', message: 'needs http.tls.cert and http.tls.key' }];
  }
  return [];
}

function checkSubPaths(file: ConfigFile, config: Config): Problem[] {
  const problems: Problem[] = [];
  for (const [path, section] of Object.entries(file.storage?.subPaths ?? {})) {
    const place = formatPath(['storage', 'subPaths', path]);
    if (path.length > MAX_SUB_PATH_LENGTH || !SUB_PATH.test(path)) {
      const message =
        'must be a slash and the first part of repository names, in lower case, as in "/a" or "/team-1"';
      problems.push({ place, message });
    }
    if (!section.rootDirectory) problems.push({ place: `${place}.rootDirectory`, message: 'is missing' });
  }
  for (const { path, gc } of config.storage.volumes) {
    if (!gc.enabled || gc.delayMs > 0) continue;
    const place = `${volumePlace(path)}.gcDelay`;
    const message =
      'must be above 0 while gc is on: what is being pushed has no reference until its manifest comes';
    problems.push({ place, message });
  }
  return problems;
}

function volumePlace(path: string): string {
  return path === '' ? 'storage' : formatPath(['storage', 'subPaths', path]);
}

function checkDirectories(config: Config): Problem[] {
  const places = config.storage.volumes.map(({ path, rootDirectory }) => ({
    place: `${volumePlace(path)}.rootDirectory`,
    directory: realDirectory(rootDirectory),
  }));
  return places.flatMap((one, index) =>
    places.slice(0, index).flatMap((other): Problem[] => {
      if (one.directory === other.directory) {
        return [{ place: one.place, message: `is the same folder as ${other.place}` }];
      }
      if (isInside(one.directory, other.directory)) {
        return [{ place: one.place, message: `lies inside ${other.place}; data folders must lie apart` }];
      }
      return isInside(other.directory, one.directory)
        ? [{ place: other.place, message: `lies inside ${one.place}; data folders must lie apart` }]
        : [];
    }),
  );
}

/** With links followed where the folder is there already. */
function realDirectory(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return path;
  }
}

function isInside(inner: string, outer: string): boolean {
  const way = relative(outer, inner);
  return way !== '' && way !== '..' && !way.startsWith(`..${sep}`);
}

function checkAddresses(file: ConfigFile, config: Config): Problem[] {
  const problems: Problem[] = [];
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is refused
  if (!/^[^\s\x00-\x1f/]+$/.test(config.http.address)) {
    problems.push({ place: 'http.address', message: 'must be a host name or an address, without a port' });
  }
  const external = file.http?.externalUrl;
  if (external && !/^https?:$/.test(URL.parse(external)?.protocol ?? '')) {
    const message = 'must be a whole URL such as "https://registry.example.com"';
    problems.push({ place: 'http.externalUrl', message });
  }
  for (const origin of config.http.allowOrigins) {
    if (origin !== '*' && URL.parse(origin)?.origin !== origin) {
      const message = `holds "${origin.slice(0, 100)}", which is not an origin such as "https://ui.example.com"`;
      problems.push({ place: 'http.allowOrigin', message });
    }
  }
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they would break the header the realm stands in
  if (/[\x00-\x1f\x7f-\uffff]/.test(file.http?.realm ?? '')) {
    problems.push({ place: 'http.realm', message: 'must hold printable ASCII characters only' });
  }
  return problems;
}

function checkWorkers(file: ConfigFile): Problem[] {
  const driver = (['metadataDriver', 'blobDriver'] as const).find((key) => file.storage?.[key] === 'memory');
  if (driver === undefined || (file.workers ?? 1) === 1) return [];
  return [{ place: 'workers', message: `must be 1 with storage.${driver} "memory"` }];
}
