import type { BlobDriver } from '../../server/src/content/blob-driver.ts';
import type {
  Commit,
  Key,
  MetadataStore,
  Range,
  ScanOptions,
} from '../../server/src/metadata/metadata-store.ts';

/**
 * What a test does around every call to a backing store: wait, count, fail. `call` names it ('driver.publish');
 * `work` does it. A stepper may run `work` and throw nevertheless, as a crash after the effect does.
 */
export type Stepper = <T>(call: string, work: () => Promise<T>) => Promise<T>;

/** The same store with `step` around each call. */
export function steppedMetadata(store: MetadataStore, step: Stepper): MetadataStore {
  return {
    name: store.name,
    open: () => store.open(),
    close: () => store.close(),
    get: (key: Key) => step('metadata.get', () => store.get(key)),
    getMany: (keys: readonly Key[]) => step('metadata.getMany', () => store.getMany(keys)),
    scan: (range: Range, options: ScanOptions) => step('metadata.scan', () => store.scan(range, options)),
    scanKeys: (range: Range, options: ScanOptions) =>
      step('metadata.scan', () => store.scanKeys(range, options)),
    commit: (commit: Commit) => step('metadata.commit', () => store.commit(commit)),
  };
}

/** The same driver with `step` around each call; for a stream, around each pull. */
export function steppedDriver(driver: BlobDriver, step: Stepper): BlobDriver {
  return {
    name: driver.name,
    open: () => driver.open(),
    close: () => driver.close(),
    stage: (id, source, options) => step('driver.stage', () => driver.stage(id, source, options)),
    publish: (id, name, options) => step('driver.publish', () => driver.publish(id, name, options)),
    read: (name, options) => pulls('driver.read', driver.read(name, options), step),
    readStaged: (id, options) => pulls('driver.readStaged', driver.readStaged(id, options), step),
    stat: (name) => step('driver.stat', () => driver.stat(name)),
    remove: (name) => step('driver.remove', () => driver.remove(name)),
    removeStaged: (id) => step('driver.removeStaged', () => driver.removeStaged(id)),
    list: () => pulls('driver.list', driver.list(), step),
    listStaged: () => pulls('driver.listStaged', driver.listStaged(), step),
    quarantine: (name) => step('driver.quarantine', () => driver.quarantine(name)),
    space: () => driver.space(),
  };
}

async function* pulls<T>(
  call: string,
  source: AsyncIterable<T>,
  step: Stepper,
): AsyncGenerator<T, void, undefined> {
  const iterator = source[Symbol.asyncIterator]();
  try {
    for (;;) {
      const { done, value } = await step(call, () => iterator.next());
      if (done === true) return;
      yield value;
    }
  } finally {
    await iterator.return?.();
  }
}

/** Repeatable random numbers: the same seed gives the same numbers (xorshift). */
export function seededRandom(seed: number): { below(bound: number): number } {
  let state = (seed * 2_654_435_761 + 1) >>> 0 || 1;
  return {
    below(bound) {
      state ^= state << 13;
      state >>>= 0;
      state ^= state >>> 17;
      state ^= state << 5;
      state >>>= 0;
      return state % bound;
    },
  };
}

/**
 * Runs tasks so that, of all their calls that wait, the seed picks the one that goes on: another seed is another
 * interleaving, the same seed the same one. Every task's `Stepper` is `step`.
 */
export class Interleaver {
  readonly #random: { below(bound: number): number };
  readonly #waiting: (() => void)[] = [];

  constructor(random: { below(bound: number): number }) {
    this.#random = random;
  }

  readonly step: Stepper = async (_call, work) => {
    await new Promise<void>((resolve) => this.#waiting.push(resolve));
    return work();
  };

  async run(tasks: readonly Promise<unknown>[]): Promise<void> {
    let isRunning = true;
    const all = Promise.all(tasks).finally(() => {
      isRunning = false;
    });
    all.catch(() => undefined);
    while (isRunning) {
      // One turn lets everything that can go on by itself come to its next call.
      await new Promise((resolve) => setImmediate(resolve));
      const [next] = this.#waiting.splice(this.#random.below(this.#waiting.length || 1), 1);
      next?.();
    }
    await all;
  }
}
