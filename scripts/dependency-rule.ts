import { posix } from 'node:path';

/** One import as a file spells it. */
export interface FoundImport {
  readonly line: number;
  readonly specifier: string;
}

export interface Violation {
  /** Relative to the repository. */
  readonly file: string;
  readonly line: number;
  readonly specifier: string;
  /** What the file may use instead. */
  readonly rule: string;
}

/**
 * A zone is a folder (or one file) of the server with the server files it may import; the most specific zone of a file
 * rules. A file may always import its own zone. Entries ending in `/` are folders, others are files without `.ts`.
 */
interface Zone {
  readonly path: string;
  readonly may: readonly string[];
}

const METADATA_CONTRACT = [
  'metadata/metadata-store',
  'metadata/keys',
  'metadata/record',
  'metadata/transaction',
  'metadata/limits',
];
const CONTENT_CONTRACT = [
  'content/content-store',
  'content/blob-driver',
  'content/hashing/hash-algorithm',
  'content/hashing/checksum-of',
  'content/hashing/crc-combine',
  'content/hashing/running-hash',
];
const EXTENSION_CONTRACT = [
  'extension/contract',
  'extension/access',
  'extension/arn',
  'extension/explain',
  'extension/api-route',
  'extension/api-page',
  'extension/api-etag',
  'extension/events',
  'extension/recorder',
  'extension/keyspace',
];
const HTTP_CONTRACT = ['http/protocol', 'http/http-date', 'http/client-address', 'http/trusted-proxies'];
const REGISTRY_CONTRACT = ['registry/registry'];
/** How a section of the config file spells sizes, durations and switches. */
const CONFIG_CONTRACT = ['config/fields'];
/** Pure: what policy documents say. */
const POLICY = ['policy/'];
const CONTRACTS = [
  ...METADATA_CONTRACT,
  ...CONTENT_CONTRACT,
  ...EXTENSION_CONTRACT,
  ...HTTP_CONTRACT,
  ...REGISTRY_CONTRACT,
];
const EVERYTHING = [''];

/** The dependency rule. `@zot-artifact-store/spec` is open to all. */
const ZONES: readonly Zone[] = [
  { path: 'http/', may: ['work/', 'extension/decide', 'extension/explain', ...EXTENSION_CONTRACT] },
  { path: 'api/', may: ['http/query', ...HTTP_CONTRACT, ...EXTENSION_CONTRACT] },
  { path: 'work/', may: METADATA_CONTRACT },
  { path: 'content/', may: ['work/', ...METADATA_CONTRACT] },
  { path: 'drivers/', may: ['content/blob-driver', 'content/object-name', 'content/interruptible', 'work/'] },
  { path: 'metadata/', may: ['work/'] },
  {
    path: 'registry/',
    may: ['work/', ...CONTENT_CONTRACT, ...METADATA_CONTRACT, ...EXTENSION_CONTRACT],
  },
  { path: 'oci/', may: ['registry/', 'http/', ...EXTENSION_CONTRACT, 'content/blob-driver'] },
  { path: 'layout/', may: ['registry/', 'work/', ...CONTENT_CONTRACT, ...EXTENSION_CONTRACT] },
  { path: 'extension/', may: ['work/', ...CONTRACTS] },
  { path: 'policy/', may: ['extension/access', 'http/protocol'] },
  { path: 'extensions/', may: [...POLICY, ...CONTRACTS, ...CONFIG_CONTRACT, 'work/byte-budget'] },
  { path: 'data-folder/', may: ['work/make-folders'] },
  { path: 'log/', may: ['work/make-folders'] },
  { path: 'config/', may: ['log/'] },
  { path: 'cluster/', may: [] },
  { path: 'index', may: CONTRACTS },
  { path: 'cli/', may: EVERYTHING },
  { path: 'compose', may: EVERYTHING },
  { path: 'composition/', may: EVERYTHING },
  { path: 'serve', may: EVERYTHING },
  { path: 'worker', may: EVERYTHING },
  { path: 'process-failure', may: [] },
  { path: 'main', may: EVERYTHING },
];

/** Zones whose sub-folders are strangers to each other: a driver never uses another driver. */
const SEPARATE_SUBFOLDERS = ['drivers/', 'extensions/', 'metadata/'];

/** Packages that only one place may know, so that replacing one touches one folder. */
const PACKAGE_HOMES: Readonly<Record<string, readonly string[]>> = {
  lmdb: ['metadata/lmdb/'],
  msgpackr: ['metadata/record'],
  bcrypt: ['extensions/rbac/'],
  '@marcbachmann/cel-js': ['extensions/rbac/'],
  jose: ['extensions/rbac/'],
  'openid-client': ['extensions/rbac/', 'cli/login/'],
  commander: ['cli/', 'main'],
  yaml: ['config/', 'cli/'],
  saxes: ['extensions/s3/xml/'],
};

const SERVER = 'packages/server/src/';
const SPEC_PACKAGE = '@zot-artifact-store/spec';
const SERVER_PACKAGE = '@zot-artifact-store/server';
const TESTKIT_PACKAGE = '@zot-artifact-store/testkit';

/** Every static import, re-export and `import()` of a source text with a literal specifier. Comments do not count. */
export function findImports(source: string): FoundImport[] {
  // Comments become blanks, so that offsets and lines stay. A `//` inside a string loses its tail, which holds no import.
  const code = source
    .replace(/\/\*[\s\S]*?\*\//g, (comment) => comment.replace(/[^\n]/g, ' '))
    .replace(/(?<!:)\/\/[^\n]*/g, (comment) => ' '.repeat(comment.length));
  const found: FoundImport[] = [];
  const statement =
    /^[ \t]*(?:import|export)\b(?:[\w$*{},\s]*?\bfrom)?\s*(['"])([^'"\n]+)\1|\bimport\(\s*(['"])([^'"\n]+)\3/gm;
  for (const match of code.matchAll(statement)) {
    const leading = match[0].length - match[0].trimStart().length;
    const line = code.slice(0, match.index + leading).split('\n').length;
    found.push({ line, specifier: match[2] ?? match[4] ?? '' });
  }
  return found;
}

/** What in `file` (relative to the repository) breaks the rule. Tests may also use the testkit. */
export function checkFile(file: string, source: string): Violation[] {
  const violations: Violation[] = [];
  for (const { line, specifier } of findImports(source)) {
    const rule = brokenRule(file, specifier);
    if (rule !== undefined) violations.push({ file, line, specifier, rule });
  }
  return violations;
}

function brokenRule(file: string, specifier: string): string | undefined {
  const isTest = /\.test\.ts$/.test(file);
  if (specifier === TESTKIT_PACKAGE || specifier.startsWith(`${TESTKIT_PACKAGE}/`)) {
    return isTest || file.startsWith('packages/testkit/')
      ? undefined
      : 'only tests and the testkit itself use the testkit';
  }
  if (specifier.startsWith('.')) {
    const target = posix.normalize(posix.join(posix.dirname(file), specifier));
    if (packageOf(target) !== packageOf(file)) {
      return file.startsWith('packages/testkit/') && target.startsWith(SERVER)
        ? undefined
        : 'packages use each other by name, never by path';
    }
    if (file.startsWith(SERVER)) return isTest ? undefined : serverRule(file, target);
    return undefined;
  }
  if (file.startsWith('packages/spec/') && !isTest) {
    return 'spec is pure: it imports nothing but itself';
  }
  if (file.startsWith('examples/') && specifier.startsWith('@zot-artifact-store/')) {
    return specifier === SPEC_PACKAGE || specifier === SERVER_PACKAGE
      ? undefined
      : 'an example uses only the public edges: spec and server';
  }
  if (file.startsWith(SERVER)) return packageRule(file, specifier);
  return undefined;
}

function serverRule(file: string, target: string): string | undefined {
  const from = file.slice(SERVER.length).replace(/\.ts$/, '');
  const to = target.slice(SERVER.length).replace(/\.ts$/, '');
  const zone = zoneOf(from);
  if (zone === undefined) return `${from} belongs to no zone; add one to scripts/dependency-rule.ts`;
  if (within(to, zone.path)) return strangersRule(from, to);
  if (zone.may.some((allowed) => within(to, allowed))) return undefined;
  const allowed =
    zone.may.length === 0 ? 'nothing but spec and itself' : `spec, itself, ${zone.may.join(', ')}`;
  return `${zone.path} may import ${allowed}`;
}

function strangersRule(from: string, to: string): string | undefined {
  const parent = SEPARATE_SUBFOLDERS.find((folder) => from.startsWith(folder));
  if (parent === undefined) return undefined;
  const [home, other] = [from, to].map((path) => path.slice(parent.length).split('/'));
  const isStranger = other !== undefined && other.length > 1 && home?.[0] !== other[0];
  return isStranger ? `the folders of ${parent} do not know each other` : undefined;
}

function packageRule(file: string, specifier: string): string | undefined {
  if (specifier === SERVER_PACKAGE) return 'the server does not import itself by name';
  const homes = PACKAGE_HOMES[specifier];
  const from = file.slice(SERVER.length).replace(/\.ts$/, '');
  if (homes === undefined || homes.some((home) => within(from, home))) return undefined;
  return `the package ${specifier} is known only to ${homes.join(', ')}`;
}

function zoneOf(path: string): Zone | undefined {
  return ZONES.filter((zone) => within(path, zone.path)).sort((a, b) => b.path.length - a.path.length)[0];
}

function within(path: string, place: string): boolean {
  return place === '' || (place.endsWith('/') ? path.startsWith(place) : path === place);
}

function packageOf(file: string): string {
  return file.split('/').slice(0, 2).join('/');
}
