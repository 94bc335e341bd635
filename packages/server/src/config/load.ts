import { open } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { z } from 'zod';
import { canonicalKeys } from './canonical-keys.ts';
import { checkFiles } from './check-files.ts';
import { checkValues } from './check-values.ts';
import type { Config } from './config.ts';
import { formatPath, type KeyPath, type Problem } from './key-path.ts';
import { readOpenidCredentials } from './openid-credentials.ts';
import {
  applyOverrides,
  type Environment,
  errorCode,
  type Flags,
  readOverrides,
  readRootIdentity,
} from './overrides.ts';
import type { ParsedText } from './parse-text.ts';
import { remarksOn } from './remarks.ts';
import { resolveConfig, type Surroundings } from './resolve.ts';
import { configFileSchema } from './schema.ts';
import type { BuiltInSections } from './sections.ts';

export interface ConfigInput {
  /** Path of the config file; undefined runs on the defaults. */
  readonly file: string | undefined;
  readonly flags: Flags;
  readonly env: Environment;
  readonly cwd: string;
  readonly cores: number;
  readonly sections: BuiltInSections;
}

export type LoadedConfig =
  | {
      readonly ok: true;
      readonly config: Config;
      /** Accepted, and perhaps not what was meant. */
      readonly remarks: readonly Problem[];
      /** The option, variable or `file` each key that was set came from; every other is a default. */
      readonly sources: ReadonlyMap<string, string>;
    }
  | { readonly ok: false; readonly problems: readonly Problem[] };

const FROM_FILE = 'file';
const SECRET_KEY_FILE = 'ZAS_SECRET_KEY_FILE';

/**
 * The effective configuration: options over environment over file over defaults. Reads the file and those it names,
 * creates nothing, and reports all problems together.
 */
export async function loadConfig(input: ConfigInput): Promise<LoadedConfig> {
  const around: Surroundings = {
    cwd: input.cwd,
    cores: input.cores,
    filePath: input.file === undefined ? undefined : resolve(input.cwd, input.file),
  };
  const text =
    around.filePath === undefined ? { ok: true as const, value: {} } : await readConfigFile(around.filePath);
  if (!text.ok) {
    const place = `Config file ${input.file}`;
    return { ok: false, problems: text.problems.map((message) => ({ place, message })) };
  }
  const schema = configFileSchema(input.sections);
  const { value: canonical, problems: keyProblems } = canonicalKeys(schema, text.value);
  const file = canonical as Readonly<Record<string, unknown>>; // a mapping in, a mapping out
  const { value, sources: overridden } = applyOverrides(file, readOverrides(input.env, input.flags));
  const { root, problems: rootProblems } = await readRootIdentity(input.env);
  const parsed = schema.safeParse(value);
  const problems = [...keyProblems, ...rootProblems];
  if (!parsed.success) problems.push(...parsed.error.issues.map((issue) => describe(issue, overridden)));
  if (!parsed.success) return { ok: false, problems };

  const openid = await readOpenidCredentials(parsed.data);
  problems.push(...openid.problems);
  const config = resolveConfig(parsed.data, root, {
    ...around,
    sections: input.sections,
    secretKeyFile: input.env[SECRET_KEY_FILE],
    openidCredentials: openid.credentials,
  });
  problems.push(...checkValues(parsed.data, config), ...(await checkFiles(config, input.sections)));
  if (problems.length > 0) return { ok: false, problems };
  return {
    ok: true,
    config,
    remarks: remarksOn(parsed.data, config, around),
    sources: new Map([
      ...keysSet(file).map((key): [string, string] => [key, FROM_FILE]),
      ...overridden,
      ['ZAS_ROOT_USER', root.userSource],
      ['ZAS_ROOT_PASSWORD', root.passwordSource],
      ...(config.storage.secretKeyPath ? [[SECRET_KEY_FILE, SECRET_KEY_FILE] as const] : []),
    ]),
  };
}

async function readConfigFile(path: string): Promise<ParsedText> {
  // A server without a file does not wait for a parser of YAML.
  const { MAX_FILE_BYTES, parseText } = await import('./parse-text.ts');
  try {
    await using handle = await open(path);
    // A pipe has no size, and gives what it has in pieces; reading is what is bounded.
    const buffer = Buffer.alloc(MAX_FILE_BYTES + 1);
    let length = 0;
    for (let piece = -1; piece !== 0 && length < buffer.length; length += piece) {
      piece = (await handle.read(buffer, length, buffer.length - length)).bytesRead;
    }
    return parseText(buffer.toString('utf8', 0, length));
  } catch (error) {
    return { ok: false, problems: [`cannot be read (${errorCode(error)})`] };
  }
}

/** A problem in an overridden key is a problem of its option or variable. */
function describe(issue: z.core.$ZodIssue, overridden: ReadonlyMap<string, string>): Problem {
  const path = formatPath(issue.path);
  const place = overridden.get(path) ?? path;
  if (issue.code === 'invalid_type' && issue.expected === 'object') {
    return { place, message: 'must be a section with keys of its own' };
  }
  return { place, message: lowerFirst(issue.message) };
}

function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}

/** Every key path with a value of its own. */
function keysSet(value: unknown, path: KeyPath = []): string[] {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return [formatPath(path)];
  return Object.entries(value).flatMap(([key, part]) => keysSet(part, [...path, key]));
}
