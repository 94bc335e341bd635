import { StoreError } from '@zot-artifact-store/spec';
import { MAX_VALUE_BYTES, type MetadataStore } from '../../../../metadata/metadata-store.ts';
import type { Transaction } from '../../../../metadata/transaction.ts';
import { userKeys } from './user-keys.ts';

/** What a source says of a user, as of the last login. */
export interface Said {
  readonly groups: readonly string[];
  readonly roles: readonly string[];
}

const MAX_PIECES = 32;
const PIECE_BYTES = MAX_VALUE_BYTES;
const NOTHING_SAID: Said = { groups: [], roles: [] };

/** What was kept of the last login; rows of one snapshot, so that it is never half of one and half of another. */
export async function readSaid(metadata: MetadataStore, user: string): Promise<Said> {
  const pieces = await readPieces(metadata, user);
  // What `keepSaid` wrote.
  return pieces.length === 0 ? NOTHING_SAID : (JSON.parse(Buffer.concat(pieces).toString('utf8')) as Said);
}

/**
 * Replaces what was kept, so that a group the source no longer names is gone. Nothing is put when it is the same.
 * Throws `unauthenticated` for more than can be kept: a user with half of the groups could do what a policy denies.
 */
export async function keepSaid(
  metadata: MetadataStore,
  transaction: Transaction,
  { user, said }: { readonly user: string; readonly said: Said },
): Promise<void> {
  const before = await readPieces(metadata, user);
  const isEmpty = said.groups.length === 0 && said.roles.length === 0;
  const text = Buffer.from(isEmpty ? '' : JSON.stringify({ groups: said.groups, roles: said.roles }));
  if (Buffer.concat(before).equals(text)) return;
  const count = Math.ceil(text.length / PIECE_BYTES);
  if (count > MAX_PIECES) {
    throw new StoreError('unauthenticated', 'this login has too many groups and roles for this server');
  }
  for (let piece = 0; piece < Math.max(count, before.length); piece++) {
    const key = userKeys.saidPiece(user, piece);
    transaction.expectUnchanged(key, before[piece]);
    if (piece < count) transaction.put(key, text.subarray(piece * PIECE_BYTES, (piece + 1) * PIECE_BYTES));
    else transaction.delete(key);
  }
}

async function readPieces(metadata: MetadataStore, user: string): Promise<readonly Uint8Array[]> {
  const rows = await metadata.scan({ prefix: userKeys.said(user) }, { limit: MAX_PIECES });
  return rows.map(({ value }) => value);
}
