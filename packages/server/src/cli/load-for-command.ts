import { readFile } from 'node:fs/promises';
import type { Command } from 'commander';
import { BUILT_IN_SECTIONS } from '../composition/built-in-sections.ts';
import type { Config } from '../config/config.ts';
import { formatPath, type Problem } from '../config/key-path.ts';
import { type LoadedConfig, loadConfig } from '../config/load.ts';
import type { Flags } from '../config/overrides.ts';
import { parseSecretKey } from '../data-folder/secret-key.ts';
import type { Terminal } from './terminal.ts';

export interface ConfigOptions extends Flags {
  readonly config?: string;
}

export type UsableConfig = Extract<LoadedConfig, { ok: true }>;

/** The two options every command that works on a store has. */
export function addStoreOptions(command: Command): Command {
  return command
    .option('--config <file>', "configuration, JSON or YAML; zot's file works")
    .option('--data <folder>', 'data folder (default: ./data)');
}

/** The configuration a command runs with; undefined when it cannot be used, after saying everything that is wrong. */
export async function loadForCommand(
  terminal: Terminal,
  options: ConfigOptions,
): Promise<UsableConfig | undefined> {
  const loaded = await loadConfig({
    file: options.config ?? (terminal.env.ZAS_CONFIG || undefined),
    flags: options,
    env: terminal.env,
    cwd: terminal.cwd,
    cores: terminal.cores,
    sections: BUILT_IN_SECTIONS,
  });
  const problems = loaded.ok ? await contentProblems(loaded.config) : loaded.problems;
  if (loaded.ok && problems.length === 0) return loaded;
  terminal.complain(
    problems.length === 1
      ? 'zas: the configuration cannot be used:'
      : `zas: the configuration cannot be used; there are ${problems.length} problems:`,
  );
  for (const problem of problems) terminal.complain(`  ${sentence(problem)}`);
  return undefined;
}

export function sentence({ place, message }: Problem): string {
  return `${place} ${message}.`;
}

/** Of the files that a configuration names, what is in them. They were readable. */
async function contentProblems({ access, storage }: Config): Promise<Problem[]> {
  return [
    ...(await htpasswdProblems(access.htpasswdPath)),
    ...(await zotAccessProblems(access)),
    ...(await secretKeyProblems(storage.secretKeyPath)),
  ];
}

/** Patterns and expressions are the extension's to judge, too. */
async function zotAccessProblems({ accessControl }: Config['access']): Promise<Problem[]> {
  if (accessControl === undefined) return [];
  const { accessControlProblems } = await import('../extensions/rbac/access/zot/access-control.ts');
  return accessControlProblems(accessControl).map(({ path, message }) => ({
    place: formatPath(['http', 'accessControl', ...path]),
    message,
  }));
}

async function secretKeyProblems(path: string | undefined): Promise<Problem[]> {
  if (path === undefined || parseSecretKey(await readFile(path, 'utf8')) !== undefined) return [];
  const message = `names ${path}, which must hold 64 hex digits, as "openssl rand -hex 32" makes them`;
  return [{ place: 'ZAS_SECRET_KEY_FILE', message }];
}

/** The lines of the file are the extension's to judge; a person who checks a configuration wants them judged too. */
async function htpasswdProblems(path: string | undefined): Promise<Problem[]> {
  if (path === undefined) return [];
  const { parseHtpasswd } = await import('../extensions/rbac/identity/password/htpasswd.ts');
  const parsed = parseHtpasswd(await readFile(path, 'utf8'));
  if (parsed.ok) return [];
  return parsed.problems.map((problem) => ({
    place: `http.auth.htpasswd.path names ${path}:`,
    message: problem,
  }));
}
