import type { BlobDriver, StagedId } from './blob-driver.ts';
import { Coalescer } from './coalesce.ts';
import type { HashAlgorithm } from './hashing/hash-algorithm.ts';
import type { HashPool } from './hashing/hash-pool.ts';
import type { Hasher } from './hashing/hasher.ts';
import { interruptible } from './interruptible.ts';

export interface StageHashedOptions {
  readonly id: StagedId;
  readonly algorithms: readonly HashAlgorithm[];
  readonly hashing: HashPool;
  /** `body-too-large` above. */
  readonly maxBytes?: number;
  /** A hint, for example the length the client promised; the stream may have another. */
  readonly expectedBytes?: number;
  readonly signal?: AbortSignal;
}

/** Lower-case hex by algorithm: one entry for each that was asked for. */
export type Hashes = ReadonlyMap<HashAlgorithm, string>;

/**
 * Streams `source` into the driver under a staged id and hashes it on the way: one copy into shared buffers, which are
 * written to the driver and hashed in threads at the same time while the next is filled. On any error (source, limit,
 * abort, driver, hash) it rejects and nothing is left staged.
 */
export async function stageHashed(
  driver: BlobDriver,
  source: AsyncIterable<Uint8Array>,
  options: StageHashedOptions,
): Promise<{ readonly sizeBytes: number; readonly hashes: Hashes }> {
  const { id, algorithms, hashing, maxBytes, expectedBytes, signal } = options;
  const hashers = hashing.hashers(algorithms, expectedBytes === undefined ? {} : { expectedBytes });
  try {
    const coalescer = new Coalescer(interruptible(source, signal), {
      buffers: hashing.buffers,
      maxBytes,
      expectedBytes,
      signal,
    });
    const sizeBytes = await driver.stage(
      id,
      hashed(coalescer, hashers),
      signal === undefined ? {} : { signal },
    );
    const hexes = await Promise.all(hashers.map((hasher) => hasher.digest())).catch(
      async (error: unknown) => {
        await driver.removeStaged(id);
        throw error;
      },
    );
    return {
      sizeBytes,
      hashes: new Map(algorithms.map((algorithm, index) => [algorithm, hexes[index] ?? ''])),
    };
  } finally {
    for (const hasher of hashers) hasher.dispose();
  }
}

/**
 * Reads a body that may be small: `whole` when it ends within `limitBytes`, else `rest`, which yields everything from
 * the beginning. A `rest` that is never iterated leaves the source open. Give it an `interruptible` source: it waits
 * as long as the source does.
 */
export async function collectSmall(
  source: AsyncIterable<Uint8Array>,
  limitBytes: number,
): Promise<{ readonly whole: Buffer } | { readonly rest: AsyncIterable<Uint8Array> }> {
  const iterator = source[Symbol.asyncIterator]();
  const head: Uint8Array[] = [];
  let headBytes = 0;
  for (;;) {
    const step = await iterator.next();
    if (step.done === true) return { whole: Buffer.concat(head, headBytes) };
    headBytes += step.value.length;
    // A copy where the chunk may belong to a source that reuses it; the last one is passed on before the next pull.
    if (headBytes > limitBytes) return { rest: replay([...head, step.value], iterator) };
    head.push(Buffer.from(step.value));
  }
}

/**
 * A stream that ends normally where `source` fails; `interrupted` then tells the error. For uploads that a client may
 * resume, where what arrived before the connection broke is worth keeping.
 */
export function keepPartial(source: AsyncIterable<Uint8Array>): {
  readonly source: AsyncIterable<Uint8Array>;
  interrupted(): unknown;
} {
  let interruption: unknown;
  async function* partial(): AsyncGenerator<Uint8Array, void, undefined> {
    const iterator = source[Symbol.asyncIterator]();
    let isOpen = true;
    try {
      for (;;) {
        const step = await iterator.next().catch((error: unknown) => {
          interruption = error ?? new Error('the source failed without a reason');
          return undefined;
        });
        if (step === undefined || step.done === true) {
          isOpen = false;
          return;
        }
        yield step.value;
      }
    } finally {
      if (isOpen) await iterator.return?.();
    }
  }
  return { source: partial(), interrupted: () => interruption };
}

async function* replay(
  head: readonly Uint8Array[],
  iterator: AsyncIterator<Uint8Array>,
): AsyncGenerator<Uint8Array, void, undefined> {
  let isOpen = true;
  try {
    yield* head;
    for (let step = await iterator.next(); step.done !== true; step = await iterator.next()) yield step.value;
    isOpen = false;
  } finally {
    if (isOpen) await iterator.return?.();
  }
}

/**
 * Yields buffers to the driver while they are hashed. The driver is done with a buffer when it pulls the next; the
 * hash may lag behind the file by one buffer, and the next one is filled meanwhile: three per stream at most.
 */
async function* hashed(
  coalescer: Coalescer,
  hashers: readonly Hasher[],
): AsyncGenerator<Uint8Array, void, undefined> {
  let wanted = Promise.withResolvers<void>();
  let filling = coalescer.fill(wanted.promise);
  let lagging: Promise<unknown> | undefined;
  try {
    for (;;) {
      wanted.resolve();
      const filled = await filling;
      if (filled === undefined) break;
      wanted = Promise.withResolvers<void>();
      filling = coalescer.fill(wanted.promise);
      // It may fail while the driver writes, before anyone waits for it.
      filling.catch(() => undefined);
      const hashing = Promise.all(hashers.map((hasher) => hasher.update(filled.bytes)));
      hashing.catch(() => undefined);
      const written = Promise.withResolvers<void>();
      // Released when both are done with it, also when one failed.
      const settled = Promise.allSettled([hashing, written.promise]).then(filled.release);
      try {
        yield filled.bytes;
      } finally {
        written.resolve();
      }
      await lagging;
      lagging = Promise.all([hashing, settled]);
      lagging.catch(() => undefined);
    }
    await lagging;
  } finally {
    wanted.resolve();
    await coalescer.close();
    // Not waited for: a source that hangs would hold up the error of the driver.
    filling.then((filled) => filled?.release()).catch(() => undefined);
  }
}
