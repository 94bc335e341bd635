import { readFile } from 'node:fs/promises';
import { formatPath, type Problem } from './key-path.ts';
import { isMapping } from './mapping.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

/** What the command line says, as it was typed. */
export interface Flags {
  readonly host?: string;
  readonly port?: string;
  readonly data?: string;
  readonly workers?: string;
  readonly logLevel?: string;
}

interface Override {
  readonly path: readonly [string, string] | readonly [string];
  readonly value: string;
  /** The option or variable it came from, for messages. */
  readonly source: string;
}

/** In rising order of precedence. */
export function readOverrides(env: Environment, flags: Flags): readonly Override[] {
  return [
    override(['http', 'address'], env.ZAS_HOST, 'ZAS_HOST'),
    override(['http', 'port'], env.ZAS_PORT, 'ZAS_PORT'),
    override(['storage', 'rootDirectory'], env.ZAS_DATA, 'ZAS_DATA'),
    override(['http', 'address'], flags.host, '--host'),
    override(['http', 'port'], flags.port, '--port'),
    override(['storage', 'rootDirectory'], flags.data, '--data'),
    override(['workers'], flags.workers, '--workers'),
    override(['log', 'level'], flags.logLevel, '--log-level'),
  ].flatMap((found) => found ?? []);
}

/** An empty variable counts as unset, which is how shells and compose files unset one; an empty option is a mistake. */
function override(path: Override['path'], value: string | undefined, source: string): Override[] | undefined {
  if (value === undefined || (value === '' && !source.startsWith('--'))) return undefined;
  return [{ path, value, source }];
}

/** `file` with the overrides laid over it, and where each overridden key came from. Sections that are no mappings stay. */
export function applyOverrides(
  file: Readonly<Record<string, unknown>>,
  overrides: readonly Override[],
): { readonly value: Readonly<Record<string, unknown>>; readonly sources: ReadonlyMap<string, string> } {
  const value: Record<string, unknown> = { ...file };
  const sources = new Map<string, string>();
  for (const { path, value: text, source } of overrides) {
    const [section, key] = path;
    const before = value[section] ?? {};
    if (key === undefined) value[section] = text;
    else if (isMapping(before)) value[section] = { ...before, [key]: text };
    sources.set(formatPath(path), source);
  }
  return { value, sources };
}

export interface RootIdentity {
  readonly user: string;
  readonly password?: string;
  readonly userSource: string;
  readonly passwordSource: string;
}

const MAX_SECRET_LENGTH = 1024;

/** Who root is, from `ZAS_ROOT_USER`, `ZAS_ROOT_PASSWORD` and `ZAS_ROOT_PASSWORD_FILE`. */
export async function readRootIdentity(
  env: Environment,
): Promise<{ readonly root: RootIdentity; readonly problems: readonly Problem[] }> {
  const problems: Problem[] = [];
  const user = env.ZAS_ROOT_USER || 'root';
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is refused
  if (/[:\x00-\x1f\x7f]/.test(user) || user.length > 255) {
    problems.push({
      place: 'ZAS_ROOT_USER',
      message: 'must not hold a colon or control characters, nor more than 255 characters',
    });
  }
  const userSource = env.ZAS_ROOT_USER ? 'ZAS_ROOT_USER' : 'default';
  const direct = env.ZAS_ROOT_PASSWORD;
  const file = env.ZAS_ROOT_PASSWORD_FILE;
  if (direct && file) {
    problems.push({
      place: 'ZAS_ROOT_PASSWORD',
      message: 'and ZAS_ROOT_PASSWORD_FILE are both set; set one of them',
    });
  }
  if (direct) {
    checkSecret(direct, 'ZAS_ROOT_PASSWORD', problems);
    return {
      root: { user, password: direct, userSource, passwordSource: 'ZAS_ROOT_PASSWORD' },
      problems,
    };
  }
  if (file) {
    const password = await readSecret(file, problems);
    checkSecret(password, 'ZAS_ROOT_PASSWORD_FILE', problems);
    return { root: { user, password, userSource, passwordSource: 'ZAS_ROOT_PASSWORD_FILE' }, problems };
  }
  return { root: { user, userSource, passwordSource: 'default' }, problems };
}

async function readSecret(path: string, problems: Problem[]): Promise<string> {
  try {
    return (await readFile(path, 'utf8')).replace(/\r?\n$/, '');
  } catch (error) {
    const message = `names ${path}, which cannot be read (${errorCode(error)})`;
    problems.push({ place: 'ZAS_ROOT_PASSWORD_FILE', message });
    return 'unread';
  }
}

function checkSecret(secret: string, place: string, problems: Problem[]): void {
  if (secret === '') problems.push({ place, message: 'gives an empty password' });
  if (secret.length > MAX_SECRET_LENGTH) {
    problems.push({ place, message: `gives a password of more than ${MAX_SECRET_LENGTH} characters` });
  }
}

export function errorCode(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : String(error);
}
