import { type Digest, type DigestAlgorithm, makeDigest } from '@zot-artifact-store/spec';
import type { HashPool } from './hashing/hash-pool.ts';

export interface HashedStream {
  readonly sizeBytes: number;
  /** In the order of the algorithms asked for. */
  readonly digests: readonly Digest[];
}

/** Reads the stream to its end and hashes it, off the event loop when it is long. `onBytes` may slow it down. */
export async function hashStream(
  hashing: HashPool,
  source: AsyncIterable<Uint8Array>,
  options: {
    readonly algorithms: readonly DigestAlgorithm[];
    readonly expectedBytes: number;
    onBytes?(count: number): Promise<void>;
  },
): Promise<HashedStream> {
  const { algorithms, expectedBytes } = options;
  const hashers = hashing.hashers(algorithms, { expectedBytes });
  let sizeBytes = 0;
  try {
    for await (const chunk of source) {
      await Promise.all(hashers.map((hasher) => hasher.update(chunk)));
      sizeBytes += chunk.length;
      await options.onBytes?.(chunk.length);
    }
    const hexes = await Promise.all(hashers.map((hasher) => hasher.digest()));
    const digests = algorithms.map((algorithm, index) => makeDigest(algorithm, hexes[index] ?? ''));
    return { sizeBytes, digests };
  } finally {
    for (const hasher of hashers) hasher.dispose();
  }
}
