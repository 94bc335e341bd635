import type { Digest } from '@zot-artifact-store/spec';
import { blobCorrupt, blobUnknown, findBlob } from './blob-records.ts';
import { hashStream } from './hash-stream.ts';
import type { HashAlgorithm } from './hashing/hash-algorithm.ts';
import type { HashPool } from './hashing/hash-pool.ts';
import { openBlob } from './reader.ts';
import type { ContentVolume } from './volume.ts';

/** See `ContentStore.hashWhole`. */
export async function hashWhole(
  store: ContentVolume & { readonly hashing: HashPool },
  digest: Digest,
  { algorithms, signal }: { readonly algorithms: readonly HashAlgorithm[]; readonly signal?: AbortSignal },
): Promise<Readonly<Partial<Record<HashAlgorithm, string>>>> {
  const found = await findBlob(store, digest);
  if (found === undefined) throw blobUnknown(digest);
  const source = await openBlob(store, digest, signal && { signal });
  const { sizeBytes, hashes } = await hashStream(store.hashing, source, {
    algorithms: [...new Set(algorithms)],
    expectedBytes: found.record.size,
  });
  signal?.throwIfAborted();
  if (sizeBytes !== found.record.size) throw blobCorrupt(digest);
  return Object.fromEntries(hashes);
}
