import { mkdirSync, statSync } from 'node:fs';
import { dirname } from 'node:path';

/**
 * Makes the folder and its missing ancestors, and returns the topmost one it made, or undefined when all were there.
 * Node's own `recursive` never returns where a folder is there and yet says ENOENT for whatever is made in it, as
 * `/proc` does. Throws node's errors.
 */
export function makeFolders(path: string, mode: number): string | undefined {
  try {
    return makeFolder(path, mode);
  } catch (error) {
    if (codeOf(error) !== 'ENOENT' || dirname(path) === path) throw error;
  }
  const above = makeFolders(dirname(path), mode);
  const own = makeFolder(path, mode);
  return above ?? own;
}

/** Undefined when it is there already, made by whomever. */
function makeFolder(path: string, mode: number): string | undefined {
  try {
    mkdirSync(path, { mode });
    return path;
  } catch (error) {
    if (codeOf(error) === 'EEXIST' && statSync(path).isDirectory()) return undefined;
    throw error;
  }
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined;
}
