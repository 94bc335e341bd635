import { createHash } from 'node:crypto';
import { canonicalJson, type Json } from '../entry/canonical-json.ts';

/** The end of a chain: how many records it has, and the hash over all of them. */
export interface Head {
  /** The number of the last record; the first is 1. */
  readonly seq: number;
  readonly hash: Buffer;
}

export interface ChainedLine {
  readonly head: Head;
  /** With its line break. */
  readonly line: string;
}

const LEAF = Buffer.from([0]);
const HASH_FIELD = /^(.*),"hash":"([A-Za-z0-9_-]{43})"\}$/s;

/** What the first record of a stream follows. */
export function startOfChain(stream: string): Head {
  return { seq: 0, hash: createHash('sha256').update(`zot-artifact-store audit\0${stream}`).digest() };
}

/**
 * The line of the record that follows `head`. Its text is the record's canonical JSON with a `hash` at the end, which is
 * SHA-256(hash before || SHA-256(0x00 || canonical JSON without `hash`)).
 */
export function chainLine(head: Head, fields: { readonly [name: string]: Json | undefined }): ChainedLine {
  const seq = head.seq + 1;
  const text = canonicalJson({ ...fields, seq });
  const hash = chainHash(head.hash, text);
  return { head: { seq, hash }, line: `${text.slice(0, -1)},"hash":"${hash.toString('base64url')}"}\n` };
}

/** A line (without its break) taken apart; undefined when it is none of a trail. */
export function readLine(
  line: string,
):
  | { readonly text: string; readonly hash: Buffer; readonly fields: Readonly<Record<string, unknown>> }
  | undefined {
  const [, body, hash] = HASH_FIELD.exec(line) ?? [];
  if (body === undefined || hash === undefined) return undefined;
  const text = `${body}}`;
  try {
    const fields: unknown = JSON.parse(text);
    if (typeof fields !== 'object' || fields === null || Array.isArray(fields)) return undefined;
    return { text, hash: Buffer.from(hash, 'base64url'), fields: fields as Record<string, unknown> }; // an object
  } catch {
    return undefined;
  }
}

/** The hash of the record with this canonical JSON, after the one with hash `previous`. */
export function chainHash(previous: Uint8Array, text: string): Buffer {
  const leaf = createHash('sha256').update(LEAF).update(text).digest();
  return createHash('sha256').update(previous).update(leaf).digest();
}
