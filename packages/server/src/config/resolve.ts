import { dirname, join, resolve } from 'node:path';
import type { LogLevel } from '../log/logger.ts';
import type { AccessConfig, BuiltInSection, Config, GcConfig, RateLimitConfig, TlsConfig } from './config.ts';
import type { OpenidCredentials } from './openid-credentials.ts';
import type { RootIdentity } from './overrides.ts';
import { resolveAccessControl } from './resolve-access-control.ts';
import { resolveAuthMethods } from './resolve-auth-methods.ts';
import { resolveOpenid } from './resolve-openid.ts';
import type { ConfigFile } from './schema.ts';
import type { BuiltInSections } from './sections.ts';

/** What the machine and the process contribute to a configuration. */
export interface Surroundings {
  /** Absolute; relative paths in the file are relative to it, as in zot. */
  readonly cwd: string;
  /** How many processes can run at once. */
  readonly cores: number;
  /** Absolute; undefined when there is no config file, which also closes the door to anonymous clients. */
  readonly filePath: string | undefined;
}

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;

/** Defaults, absolute paths and what follows from what; the checks are elsewhere. */
export function resolveConfig(
  file: ConfigFile,
  root: RootIdentity,
  around: Surroundings & {
    readonly sections: BuiltInSections;
    readonly secretKeyFile: string | undefined;
    readonly openidCredentials: OpenidCredentials;
  },
): Config {
  const absolute = (path: string): string => resolve(around.cwd, path);
  const rootDirectory = absolute(file.storage?.rootDirectory ?? 'data');
  const access = resolveAccess(file, root, { ...around, rootDirectory });
  const inMemory = file.storage?.metadataDriver === 'memory' || file.storage?.blobDriver === 'memory';
  return deepFreeze<Config>({
    http: {
      address: file.http?.address ?? '127.0.0.1',
      port: file.http?.port ?? 8080,
      allowOrigins: splitList(file.http?.allowOrigin),
      readIdleTimeoutMs: file.http?.readTimeout ?? MINUTE_MS,
      writeIdleTimeoutMs: file.http?.writeTimeout ?? MINUTE_MS,
      ...resolveTls(file, absolute),
      dockerCompat: file.http?.compat?.includes('docker2s2') ?? false,
      maxManifestBytes: file.http?.maxManifestBytes ?? 4 * 1024 * 1024,
      ...resolveRateLimit(file),
    },
    storage: {
      volumes: resolveVolumes(file, rootDirectory, absolute),
      reserveBytes: file.storage?.reserveBytes ?? 64 * 1024 * 1024,
      gcUntagged: file.storage?.gcUntagged ?? false,
      metadataDriver: file.storage?.metadataDriver ?? 'lmdb',
      blobDriver: file.storage?.blobDriver ?? 'filesystem',
      ...(around.secretKeyFile ? { secretKeyPath: absolute(around.secretKeyFile) } : {}),
    },
    access,
    log: {
      level: logLevel(file.log?.level),
      ...(file.log?.output ? { output: absolute(file.log.output) } : {}),
      ...(file.log?.audit ? { audit: absolute(file.log.audit) } : {}),
    },
    extensions: resolveExtensions(file, around.sections),
    sections: resolveSections(file, around.sections),
    baseDirectory: around.filePath === undefined ? around.cwd : dirname(around.filePath),
    // What is kept in memory is kept in one process.
    workers: file.workers ?? (inMemory ? 1 : Math.max(1, around.cores)),
  });
}

function resolveRateLimit({ http }: ConfigFile): { readonly rateLimit?: RateLimitConfig } {
  const { rate, methods } = http?.ratelimit ?? {};
  const byMethod = (methods ?? []).flatMap(({ method, rate: perSecond }) =>
    perSecond === undefined ? [] : [{ method, perSecond }],
  );
  if (rate === undefined && byMethod.length === 0) return {};
  return { rateLimit: { ...(rate !== undefined && { perSecond: rate }), methods: byMethod } };
}

/** Whether the file asks nobody who they are: zot then lets everybody do everything. */
export function isOpenToEveryone(file: ConfigFile, around: Pick<Surroundings, 'filePath'>): boolean {
  return around.filePath !== undefined && !hasUsers(file) && !file.http?.accessControl;
}

/** Whether the file says where users come from. */
export function hasUsers({ http, extensions }: ConfigFile): boolean {
  const { htpasswd, ldap, bearer, openid, mtls } = http?.auth ?? {};
  // A section of an extension is known to the extension alone.
  const rbac: unknown = Reflect.get(extensions ?? {}, 'rbac');
  const providers: unknown = Reflect.get(Object(rbac), 'providers');
  const users: unknown = Reflect.get(Object(rbac), 'users');
  return (
    Boolean(htpasswd?.path || ldap?.address || bearer?.cert || mtls) ||
    Object.keys(Object(users)).length > 0 ||
    Boolean(bearer?.oidc?.length) ||
    Object.keys(openid?.providers ?? {}).length > 0 ||
    (Array.isArray(providers) && providers.length > 0)
  );
}

function resolveAccess(
  file: ConfigFile,
  root: RootIdentity,
  around: Surroundings & { readonly rootDirectory: string; readonly openidCredentials: OpenidCredentials },
): AccessConfig {
  const htpasswd = file.http?.auth?.htpasswd?.path;
  const control = file.http?.accessControl;
  return {
    realm: file.http?.realm || 'Zot Artifact Store',
    rootUser: root.user,
    ...(root.password === undefined ? {} : { rootPassword: root.password }),
    rootPasswordPath: join(around.rootDirectory, 'root-password'),
    ...(htpasswd ? { htpasswdPath: resolve(around.cwd, htpasswd) } : {}),
    failDelayMs: (file.http?.auth?.failDelay ?? 0) * 1000,
    zotApiKeys: file.http?.auth?.apikey ?? false,
    ...resolveOpenid(file, around),
    ...resolveAuthMethods(file, around),
    ...(control === undefined ? {} : { accessControl: resolveAccessControl(control) }),
    unrestricted: control === undefined ? unrestricted(file, around) : [],
  };
}

/** zot lets whoever `http.auth` knows do everything, and without it everybody. */
function unrestricted(file: ConfigFile, around: Pick<Surroundings, 'filePath'>): readonly string[] {
  const { htpasswd, ldap, bearer, openid } = file.http?.auth ?? {};
  const mtls = file.http?.tls?.cacert ? ['mtls'] : [];
  if (isOpenToEveryone(file, around)) return ['anonymous', ...mtls];
  return [
    ...mtls,
    ...(htpasswd?.path ? ['htpasswd'] : []),
    ...(ldap?.address ? ['ldap'] : []),
    ...(bearer?.oidc?.length ? ['workload'] : []),
    ...(openid?.providers ? ['openid'] : []),
  ];
}

function resolveTls(file: ConfigFile, absolute: (path: string) => string): { readonly tls?: TlsConfig } {
  const { cert, key, cacert } = file.http?.tls ?? {};
  if (!cert || !key) return {};
  const paths = { certPath: absolute(cert), keyPath: absolute(key) };
  if (!cacert) return { tls: { ...paths, clientCertificates: 'none' } };
  // zot takes a verified certificate as the login: when nothing else admits anybody, only its holders come in.
  const other = hasUsers(file) || file.http?.accessControl;
  return {
    tls: { ...paths, caPath: absolute(cacert), clientCertificates: other ? 'if-given' : 'required' },
  };
}

function resolveVolumes(
  file: ConfigFile,
  rootDirectory: string,
  absolute: (path: string) => string,
): Config['storage']['volumes'] {
  const main = file.storage ?? {};
  const gcOf = (own: Partial<typeof main>): GcConfig => ({
    enabled: own.gc ?? main.gc ?? true,
    delayMs: own.gcDelay ?? main.gcDelay ?? HOUR_MS,
    intervalMs: own.gcInterval ?? main.gcInterval ?? HOUR_MS,
  });
  const subPaths = Object.entries(main.subPaths ?? {})
    .map(([path, own]) => ({ path, rootDirectory: absolute(own.rootDirectory ?? ''), gc: gcOf(own) }))
    .sort((a, b) => (a.path < b.path ? -1 : 1));
  return [{ path: '', rootDirectory, gc: gcOf({}) }, ...subPaths];
}

function resolveExtensions(file: ConfigFile, builtIn: BuiltInSections): Config['extensions'] {
  const { search, sync, metrics, scrub, lint, ui, trust, events, mgmt, apikey, ...named } =
    file.extensions ?? {};
  return Object.entries(named).flatMap(([name, section]) => {
    const { module, enable, ...options } = section;
    return enable === false || Object.hasOwn(builtIn, name) ? [] : [{ name, module, options }];
  });
}

function resolveSections(file: ConfigFile, builtIn: BuiltInSections): Config['sections'] {
  const given: Readonly<Record<string, unknown>> = file.extensions ?? {};
  const resolved = Object.entries(builtIn).map(([name, schema]): [string, BuiltInSection] => {
    // The schema of the file has parsed what is there; what is not has its defaults.
    const section = given[name] ?? schema.parse({});
    return [name, section as BuiltInSection]; // an object schema gives an object
  });
  return Object.fromEntries(resolved);
}

function logLevel(level: NonNullable<ConfigFile['log']>['level']): LogLevel {
  if (level === 'warning') return 'warn';
  if (level === 'panic') return 'fatal';
  return level ?? 'info';
}

function splitList(text: string | undefined): string[] {
  const parts = (text ?? '').split(',').map((part) => part.trim());
  return parts.filter((part) => part !== '');
}

function deepFreeze<T extends object>(value: T): T {
  for (const part of Object.values(value)) {
    if (typeof part === 'object' && part !== null) deepFreeze(part);
  }
  return Object.freeze(value);
}
