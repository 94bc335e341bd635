import type { Check, Commit, Entry } from '../metadata-store.ts';

/**
 * A commit as one flat buffer, so that handing it to the writer thread moves one memory block instead of cloning every
 * key with the pool behind it. Lengths fit 16 bits because keys and values are bounded by the contract.
 */
const CHECK_KINDS = ['absent', 'present', 'equal', 'empty'] as const;
const HEADER_BYTES = 17;
const FIELD_BYTES = 2;

/** A buffer of its own (not pooled), to be transferred. `id` comes back with the result. */
export function encodeCommit(id: number, commit: Commit): Uint8Array<ArrayBuffer> {
  const { checks = [], deletes = [], puts = [], mayUseReserve = false } = commit;
  let size = HEADER_BYTES;
  for (const check of checks) {
    size += 1 + FIELD_BYTES + (check.is === 'empty' ? check.prefix.length : check.key.length);
    if (check.is === 'equal') size += FIELD_BYTES + check.value.length;
  }
  for (const key of deletes) size += FIELD_BYTES + key.length;
  for (const { key, value } of puts) size += 2 * FIELD_BYTES + key.length + value.length;

  const bytes = new Uint8Array(size);
  const view = new DataView(bytes.buffer);
  let at = HEADER_BYTES;
  const field = (part: Uint8Array): void => {
    view.setUint16(at, part.length);
    bytes.set(part, at + FIELD_BYTES);
    at += FIELD_BYTES + part.length;
  };
  view.setUint32(0, id);
  view.setUint32(4, checks.length);
  view.setUint32(8, deletes.length);
  view.setUint32(12, puts.length);
  view.setUint8(16, Number(mayUseReserve));
  for (const check of checks) {
    bytes[at++] = CHECK_KINDS.indexOf(check.is);
    field(check.is === 'empty' ? check.prefix : check.key);
    if (check.is === 'equal') field(check.value);
  }
  for (const key of deletes) field(key);
  for (const { key, value } of puts) {
    field(key);
    field(value);
  }
  return bytes;
}

export interface DecodedCommit extends Required<Commit> {
  readonly id: number;
}

/** The parts are views into `bytes`. */
export function decodeCommit(bytes: Uint8Array): DecodedCommit {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  let at = HEADER_BYTES;
  const field = (): Uint8Array => {
    const length = view.getUint16(at);
    const start = at + FIELD_BYTES;
    at = start + length;
    return bytes.subarray(start, at);
  };
  const checks: Check[] = [];
  for (let left = view.getUint32(4); left > 0; left--) {
    const is = CHECK_KINDS[bytes[at++] ?? -1];
    if (is === undefined) throw new Error('not a commit frame');
    if (is === 'empty') checks.push({ is, prefix: field() });
    else if (is === 'equal') checks.push({ is, key: field(), value: field() });
    else checks.push({ is, key: field() });
  }
  const deletes: Uint8Array[] = [];
  for (let left = view.getUint32(8); left > 0; left--) deletes.push(field());
  const puts: Entry[] = [];
  for (let left = view.getUint32(12); left > 0; left--) puts.push({ key: field(), value: field() });
  return { id: view.getUint32(0), checks, deletes, puts, mayUseReserve: view.getUint8(16) === 1 };
}
