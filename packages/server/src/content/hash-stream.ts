import type { HashAlgorithm } from './hashing/hash-algorithm.ts';
import type { HashPool } from './hashing/hash-pool.ts';
import type { Hashes } from './ingest.ts';

export interface HashedStream {
  readonly sizeBytes: number;
  readonly hashes: Hashes;
}

/** Reads the stream to its end and hashes it, off the event loop when it is long. `onBytes` may slow it down. */
export async function hashStream(
  hashing: HashPool,
  source: AsyncIterable<Uint8Array>,
  options: {
    readonly algorithms: readonly HashAlgorithm[];
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
    return {
      sizeBytes,
      hashes: new Map(algorithms.map((algorithm, index) => [algorithm, hexes[index] ?? ''])),
    };
  } finally {
    for (const hasher of hashers) hasher.dispose();
  }
}
