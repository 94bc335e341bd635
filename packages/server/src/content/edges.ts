import type { Digest } from '@zot-artifact-store/spec';
import { decodeKey, type KeyPart } from '../metadata/keys.ts';
import type { Key, MetadataStore } from '../metadata/metadata-store.ts';
import { recordCodec } from '../metadata/record.ts';
import type { Transaction } from '../metadata/transaction.ts';
import type { EdgeOwner } from './content-store.ts';
import { contentKeys } from './keyspace.ts';

/** Edges and candidates say everything in their key. */
const PRESENT = Uint8Array.of(1);

const timeCodec = recordCodec<number>('time', 1);

/** A point in time as the value of a row. */
export function encodeTime(atMs: number): Uint8Array {
  return timeCodec.encode(atMs);
}

export function decodeTime(value: Uint8Array): number {
  return timeCodec.decode(value);
}

export interface EdgeChange {
  readonly volume: string;
  readonly digest: Digest;
  readonly owner: EdgeOwner;
}

/** The edge alone; that the blob exists must be checked or put in the same transaction. */
export function putEdge(transaction: Transaction, { volume, digest, owner }: EdgeChange): void {
  transaction.put(contentKeys.edge(volume, digest, owner), PRESENT);
}

/** As `putEdge`, for many blobs that one owner needs. In key order, which a tree takes in half the time. */
export function putEdges(
  transaction: Transaction,
  {
    volume,
    digests,
    owner,
  }: { readonly volume: string; readonly digests: Iterable<Digest>; readonly owner: EdgeOwner },
): void {
  const keyOf = contentKeys.edgesOf(volume, owner);
  for (const digest of [...digests].sort()) transaction.put(keyOf(digest), PRESENT);
}

/** Deletes the edge and makes the blob a candidate for collection, due at `dueAtMs`. */
export function dropEdge(
  transaction: Transaction,
  { volume, digest, owner, dueAtMs }: EdgeChange & { readonly dueAtMs: number },
): void {
  transaction.delete(contentKeys.edge(volume, digest, owner));
  putCandidate(transaction, { volume, digest, dueAtMs });
}

/**
 * Two rows: the candidate list is ordered by due time, and the due row says which of a blob's candidate rows is the
 * current one, so that the grace always counts from the last removal. Invariant: a due row names an existing
 * candidate row; an unowned blob has both.
 */
export function putCandidate(
  transaction: Transaction,
  { volume, digest, dueAtMs }: { readonly volume: string; readonly digest: Digest; readonly dueAtMs: number },
): void {
  const due = Math.max(0, Math.trunc(dueAtMs));
  transaction.put(contentKeys.candidate(volume, due, digest), PRESENT);
  transaction.put(contentKeys.due(volume, digest), encodeTime(due));
}

export async function isOwned(
  { metadata, volume }: { readonly metadata: MetadataStore; readonly volume: string },
  digest: Digest,
  ownerPrefix: readonly KeyPart[] = [],
): Promise<boolean> {
  return (await firstEdge({ metadata, volume }, digest, ownerPrefix)) !== undefined;
}

/** The key of the first edge of the blob whose owner starts with `ownerPrefix`. */
export async function firstEdge(
  { metadata, volume }: { readonly metadata: MetadataStore; readonly volume: string },
  digest: Digest,
  ownerPrefix: readonly KeyPart[] = [],
): Promise<Key | undefined> {
  const prefix = contentKeys.edge(volume, digest, ownerPrefix);
  const [edge] = await metadata.scan({ prefix }, { limit: 1 });
  return edge?.key;
}

/** What an edge key says. Throws on a key that is not one. */
export function decodeEdge(key: Key): { readonly digest: Digest; readonly owner: EdgeOwner } {
  const [, blob, kind, ...rest] = decodeKey(key);
  if (typeof blob !== 'object' || typeof kind !== 'string') throw new Error('not an edge key');
  return { digest: blob.digest, owner: [kind, ...rest] };
}

/** The digest a candidate row is about and when it is due. */
export function decodeCandidate(key: Key): { readonly digest: Digest; readonly dueAtMs: number } {
  const [, dueAtMs, blob] = decodeKey(key);
  if (typeof blob !== 'object' || typeof dueAtMs !== 'number') throw new Error('not a candidate key');
  return { digest: blob.digest, dueAtMs };
}

/** At most `limit` owners of the blob, in key order. */
export async function listOwners(
  { metadata, volume }: { readonly metadata: MetadataStore; readonly volume: string },
  digest: Digest,
  limit: number,
): Promise<readonly EdgeOwner[]> {
  const edges = await metadata.scan({ prefix: contentKeys.edge(volume, digest, []) }, { limit });
  return edges.map(({ key }) => decodeEdge(key).owner);
}

/** The composite blob an owner tuple stands for, when it is one. */
export function compositeOf(owner: EdgeOwner): Digest | undefined {
  const [kind, of] = owner;
  return kind === 'composite' && typeof of === 'object' ? of.digest : undefined;
}

export function compositeOwner(digest: Digest): EdgeOwner {
  return ['composite', { digest }];
}
