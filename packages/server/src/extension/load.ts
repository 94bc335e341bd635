import { existsSync, readFileSync } from 'node:fs';
import { createRequire, findPackageJSON } from 'node:module';
import { dirname, isAbsolute, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Extension } from './contract.ts';
import { sharePackages } from './shared-packages.ts';

/** An extension with the section of the config file it gets. */
export interface LoadedExtension {
  readonly extension: Extension;
  /** As the config file has it, without `module`; not checked yet. */
  readonly section: unknown;
  /** Where the section stands, for messages: `extensions.hello`. */
  readonly configPath: string;
  /** `built in`, or the module it came from. */
  readonly source: string;
}

/** What the config file says of an extension that is not built in. */
export interface ExtensionModule {
  readonly name: string;
  /** A package name, or a path when it starts with `.` or `/`. */
  readonly module: string;
  readonly section: unknown;
}

/** A config file asks for something that cannot be had. Each problem is a sentence that names its place. */
export class ExtensionProblems extends Error {
  override readonly name = 'ExtensionProblems';
  readonly problems: readonly string[];

  constructor(problems: readonly string[], options?: { readonly cause?: unknown }) {
    super(problems.join('\n'), options);
    this.problems = problems;
  }
}

/**
 * Imports the modules a config file names. A relative path and a package are looked up from `baseDirectory`, the folder
 * of the config file; a package also from the server itself. Nothing is downloaded. What they import of the server's
 * own packages is the server's. A module offers its extension as its default export or as an export named `extension`.
 * Throws ExtensionProblems with all that went wrong.
 */
export async function loadExtensions(
  modules: readonly ExtensionModule[],
  baseDirectory: string,
): Promise<LoadedExtension[]> {
  if (modules.length > 0) sharePackages();
  const results = await Promise.allSettled(modules.map((entry) => loadOne(entry, baseDirectory)));
  const problems: string[] = [];
  const loaded: LoadedExtension[] = [];
  for (const result of results) {
    if (result.status === 'fulfilled') loaded.push(result.value);
    else problems.push(describe(result.reason));
  }
  if (problems.length > 0) {
    throw new ExtensionProblems(problems, { cause: results.find((r) => r.status === 'rejected')?.reason });
  }
  return loaded;
}

async function loadOne(entry: ExtensionModule, baseDirectory: string): Promise<LoadedExtension> {
  const place = `extensions.${entry.name}.module`;
  const url = locate(entry.module, baseDirectory, place);
  let namespace: Record<string, unknown>;
  try {
    namespace = await import(url);
  } catch (cause) {
    throw new Error(`${place}: "${entry.module}" could not be loaded: ${describe(cause)}`, { cause });
  }
  const extension = namespace.default ?? namespace.extension;
  if (!isExtension(extension)) {
    throw new Error(
      `${place}: "${entry.module}" has no extension; it must export one made with defineExtension, as its default export or under the name "extension"`,
    );
  }
  if (extension.name !== entry.name) {
    throw new Error(
      `${place}: "${entry.module}" is the extension "${extension.name}"; its section must be extensions.${extension.name}`,
    );
  }
  return {
    extension,
    section: entry.section,
    configPath: `extensions.${entry.name}`,
    source: entry.module,
  };
}

function locate(module: string, baseDirectory: string, place: string): string {
  if (module.startsWith('.') || isAbsolute(module)) {
    const path = resolve(baseDirectory, module);
    if (existsSync(path)) return pathToFileURL(path).href;
    throw new Error(`${place}: there is no file ${path}`);
  }
  for (const base of [pathToFileURL(resolve(baseDirectory, 'config')).href, import.meta.url]) {
    const entry = findEntry(module, base);
    if (entry !== undefined) return pathToFileURL(entry).href;
  }
  throw new Error(
    `${place}: no package "${module}" is installed beside the config file or the server; install it, or give a path that starts with ./`,
  );
}

/** Where an installed package begins, seen from the module at `base`; undefined when there is none. */
function findEntry(name: string, base: string): string | undefined {
  try {
    return createRequire(base).resolve(name);
  } catch (error) {
    // A package for `import` alone has nothing to offer to `require`, whose resolution is the one Node lets us call.
    if (!(error instanceof Error && 'code' in error && error.code === 'ERR_PACKAGE_PATH_NOT_EXPORTED')) {
      return undefined;
    }
  }
  const manifestPath = findPackageJSON(name, base);
  if (manifestPath === undefined) return undefined;
  const { exports } = JSON.parse(readFileSync(manifestPath, 'utf8')) as { readonly exports?: unknown };
  const entry = importEntry(exports);
  return entry === undefined ? undefined : resolve(dirname(manifestPath), entry);
}

/** The `.` of a package's `exports` under the conditions of an import (Node's "Conditional exports"). */
function importEntry(exports: unknown): string | undefined {
  if (typeof exports === 'string') return exports;
  if (typeof exports !== 'object' || exports === null) return undefined;
  for (const [condition, target] of Object.entries(exports)) {
    if (!['.', 'import', 'node', 'default'].includes(condition)) continue;
    const entry = importEntry(target);
    if (entry !== undefined) return entry;
  }
  return undefined;
}

function isExtension(value: unknown): value is Extension {
  if (typeof value !== 'object' || value === null) return false;
  const { name, setup, config } = value as Partial<Record<keyof Extension, unknown>>;
  return (
    typeof name === 'string' &&
    typeof setup === 'function' &&
    typeof config === 'object' &&
    config !== null &&
    'safeParse' in config
  );
}

function describe(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
