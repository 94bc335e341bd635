import type { AccessPolicyConfig, Config, VolumeConfig } from './config.ts';
import type { LoadedConfig } from './load.ts';
import type { BuiltInSections } from './sections.ts';
import { formatDuration, formatSize } from './units.ts';

export interface ExplainedKey {
  /** As in the file; what no file can set (`ZAS_ROOT_USER`, ...) by its variable. */
  readonly key: string;
  /** For people; never the root password. */
  readonly value: string;
  /** `default`, `file`, or the variable or option that set it. */
  readonly source: string;
}

/** Every key that has an effect, with its value and where that came from. */
export function explainConfig(
  loaded: Extract<LoadedConfig, { ok: true }>,
  sections: BuiltInSections,
): ExplainedKey[] {
  const { config, sources } = loaded;
  const sourceOf = (key: string): string =>
    sources.get(key) ?? [...sources].find(([set]) => isBelow(set, key))?.[1] ?? 'default';
  const keys = [
    ...httpKeys(config),
    ...accessKeys(config),
    ...storageKeys(config),
    ...otherKeys(config),
    ...sectionKeys(config, sections),
  ];
  return keys.map(([key, value]) => ({ key, value, source: sourceOf(key) }));
}

type KeyValue = readonly [key: string, value: string];

function httpKeys({ http }: Config): KeyValue[] {
  return [
    ['http.address', http.address],
    ['http.port', String(http.port)],
    ['http.allowOrigin', http.allowOrigins.join(', ') || 'none'],
    ['http.readTimeout', idle(http.readIdleTimeoutMs)],
    ['http.writeTimeout', idle(http.writeIdleTimeoutMs)],
    ['http.compat', http.dockerCompat ? 'docker2s2' : 'none'],
    ['http.ratelimit.rate', rateOf(http.rateLimit?.perSecond)],
    [
      'http.ratelimit.methods',
      http.rateLimit?.methods.map(({ method, perSecond }) => `${method} ${rateOf(perSecond)}`).join(', ') ||
        'none',
    ],
    ['http.maxManifestBytes', formatSize(http.maxManifestBytes)],
    ['http.tls.cert', http.tls?.certPath ?? 'none'],
    ['http.tls.key', http.tls?.keyPath ?? 'none'],
    [
      'http.tls.cacert',
      http.tls?.caPath === undefined
        ? 'none'
        : `${http.tls.caPath} (client certificates: ${http.tls.clientCertificates})`,
    ],
  ];
}

function rateOf(perSecond: number | undefined): string {
  return perSecond === undefined ? 'none' : `${perSecond}/s`;
}

function accessKeys({ access }: Config): KeyValue[] {
  return [
    ['http.realm', access.realm],
    ['http.auth.htpasswd.path', access.htpasswdPath ?? 'none'],
    ['http.auth.failDelay', `${access.failDelayMs / 1000} s`],
    ['http.auth.bearer.oidc', access.bearerOidc.map(({ issuer }) => issuer).join(', ') || 'none'],
    ['http.auth.openid.providers', access.openid.map(({ name }) => name).join(', ') || 'none'],
    ['http.auth.openid.callbackAllowOrigins', access.callbackOrigins.join(', ') || 'none'],
    ['http.auth.secureSession', String(access.secureCookies)],
    ['http.externalUrl', access.publicOrigin ?? 'none'],
    ...accessControlKeys(access),
    ['ZAS_ROOT_USER', access.rootUser],
    [
      'ZAS_ROOT_PASSWORD',
      access.rootPassword === undefined ? `kept in ${access.rootPasswordPath}` : 'set, not shown',
    ],
  ];
}

function accessControlKeys({ accessControl, unrestricted }: Config['access']): KeyValue[] {
  if (accessControl === undefined) {
    const who = unrestricted.map((via) => (via === 'anonymous' ? 'everybody' : `users of ${via}`));
    const what = who.length === 0 ? 'none' : `none: ${who.join(' and ')} may do everything, as in zot`;
    return [['http.accessControl', what]];
  }
  const { repositories, adminPolicy, groups } = accessControl;
  return [
    ...Object.entries(repositories).flatMap(([pattern, access]): KeyValue[] => {
      const place = `http.accessControl.repositories["${pattern}"]`;
      return [
        [`${place}.anonymousPolicy`, access.anonymousPolicy.join(', ') || 'nothing'],
        [`${place}.defaultPolicy`, access.defaultPolicy.join(', ') || 'nothing'],
        ...access.policies.map(
          (policy, index): KeyValue => [`${place}.policies[${index}]`, policyText(policy)],
        ),
      ];
    }),
    ['http.accessControl.adminPolicy', adminPolicy === undefined ? 'none' : policyText(adminPolicy)],
    ...Object.entries(groups).map(
      ([name, users]): KeyValue => [`http.accessControl.groups.${name}`, users.join(', ') || 'nobody'],
    ),
  ];
}

function policyText({ users, groups, actions, conditions }: AccessPolicyConfig): string {
  const who = [...users, ...groups.map((group) => `group ${group}`)].join(', ') || 'nobody';
  const when = conditions.length === 0 ? '' : ` (${conditions.length} conditions)`;
  return `${who}: ${actions.join(', ') || 'nothing'}${when}`;
}

function storageKeys({ storage }: Config): KeyValue[] {
  return [
    ...storage.volumes.flatMap(volumeKeys),
    ['storage.gcUntagged', String(storage.gcUntagged)],
    ['storage.reserveBytes', formatSize(storage.reserveBytes)],
    ['storage.metadataDriver', storage.metadataDriver],
    ['storage.blobDriver', storage.blobDriver],
    ['ZAS_SECRET_KEY_FILE', storage.secretKeyPath ?? 'secret.key in the main data folder'],
  ];
}

function volumeKeys({ path, rootDirectory, gc }: VolumeConfig): KeyValue[] {
  const prefix = path === '' ? 'storage' : `storage.subPaths["${path}"]`;
  return [
    [`${prefix}.rootDirectory`, rootDirectory],
    [`${prefix}.gc`, String(gc.enabled)],
    [`${prefix}.gcDelay`, formatDuration(gc.delayMs)],
    [`${prefix}.gcInterval`, gc.intervalMs === 0 ? '0 (once, at start)' : formatDuration(gc.intervalMs)],
  ];
}

function otherKeys(config: Config): KeyValue[] {
  return [
    ['log.level', config.log.level],
    ['log.output', config.log.output ?? 'standard error'],
    ['log.audit', config.log.audit ?? 'none'],
    ['workers', String(config.workers)],
    ...config.extensions.map(({ name, module }): KeyValue => [`extensions.${name}`, `from ${module}`]),
  ];
}

function sectionKeys(config: Config, sections: BuiltInSections): KeyValue[] {
  return Object.entries(sections).flatMap(([name, { shape }]) =>
    Object.keys(shape).map((key): KeyValue => {
      const value = config.sections[name]?.[key];
      return [`extensions.${name}.${key}`, sectionValue(key, value)];
    }),
  );
}

function sectionValue(key: string, value: unknown): string {
  if (typeof value === 'number' && key.endsWith('Bytes')) return formatSize(value);
  if (value === undefined || (Array.isArray(value) && value.length === 0)) return 'none';
  if (Array.isArray(value)) return value.map(partValue).join(', ');
  return typeof value === 'object' && value !== null
    ? Object.keys(value).join(', ') || 'none'
    : String(value);
}

/** A part with a name is told by it. */
function partValue(part: unknown): string {
  if (typeof part !== 'object' || part === null) return String(part);
  return 'name' in part ? String(part.name) : JSON.stringify(part);
}

function idle(ms: number): string {
  return ms === 0 ? '0 (waits for ever)' : `${formatDuration(ms)} without a byte`;
}

/** A list or a section is set when a part of it is. */
function isBelow(set: string, key: string): boolean {
  return set.startsWith(`${key}.`) || set.startsWith(`${key}[`);
}
