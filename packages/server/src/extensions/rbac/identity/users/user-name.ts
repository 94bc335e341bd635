import { StoreError } from '@zot-artifact-store/spec';

const MAX_NAME_BYTES = 512;
const MAX_LOCAL_NAME_BYTES = 255;
/** Control, format and private characters, and what breaks lines: two names must not look alike in a log. */
const UNPRINTABLE = /[\p{C}\p{Zl}\p{Zp}]/u;

/** Why `name` cannot be the name of a user or a group, or undefined. */
export function nameProblem(name: string): string | undefined {
  if (name === '') return 'is empty';
  if (Buffer.byteLength(name) > MAX_NAME_BYTES) return `is longer than ${MAX_NAME_BYTES} bytes`;
  if (UNPRINTABLE.test(name)) return 'has control characters';
  if (name.trim() !== name) return 'begins or ends with a space';
  return undefined;
}

/** Why nobody could be made with this name here: it must also fit into HTTP Basic (RFC 7617: no colon). */
export function localNameProblem(name: string): string | undefined {
  if (name.includes(':')) return 'has a colon';
  if (Buffer.byteLength(name) > MAX_LOCAL_NAME_BYTES) return `is longer than ${MAX_LOCAL_NAME_BYTES} bytes`;
  return nameProblem(name);
}

/** Throws `argument-invalid`. */
export function assertLocalName(kind: 'user' | 'group', name: string): void {
  const problem = localNameProblem(name);
  if (problem === undefined) return;
  throw new StoreError('argument-invalid', `the name of a ${kind}, ${quoted(name)}, ${problem}`);
}

/** For messages: bounded, and on one line whatever is in it. */
export function quoted(name: string): string {
  return JSON.stringify(name.slice(0, 80));
}
