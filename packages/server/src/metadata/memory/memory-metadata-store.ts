import { assertCommit, assertKey } from '../limits.ts';
import type {
  Check,
  Commit,
  CommitResult,
  Entry,
  Key,
  MetadataStore,
  Range,
  ScanOptions,
} from '../metadata-store.ts';
import { scanBounds } from '../scan-bounds.ts';

/**
 * The contract over one sorted array: for tests and for stores that may forget. A commit is applied without an await
 * in between, which makes it atomic and isolated. What was stored outlives `close`, so that a test can start a second
 * server on the same store. Inserting costs a move of the array: fine up to 100,000 entries.
 */
export class MemoryMetadataStore implements MetadataStore {
  readonly name = 'memory';
  readonly #entries: Entry[] = [];

  async open(): Promise<void> {}

  async close(): Promise<void> {}

  async get(key: Key): Promise<Uint8Array | undefined> {
    assertKey(key);
    return copyOf(this.#find(key));
  }

  async getMany(keys: readonly Key[]): Promise<readonly (Uint8Array | undefined)[]> {
    for (const key of keys) assertKey(key);
    return keys.map((key) => copyOf(this.#find(key)));
  }

  async scan(range: Range, options: ScanOptions): Promise<readonly Entry[]> {
    return this.#range(range, options).map(({ key, value }) => ({
      key: Buffer.from(key),
      value: Buffer.from(value),
    }));
  }

  async scanKeys(range: Range, options: ScanOptions): Promise<readonly Key[]> {
    return this.#range(range, options).map(({ key }) => Buffer.from(key));
  }

  #range(range: Range, options: ScanOptions): readonly Entry[] {
    const { from, to, possible } = scanBounds(range, options);
    if (!possible) return [];
    const start = this.#position(from);
    const end = to === undefined ? this.#entries.length : this.#position(to);
    return options.reverse === true
      ? this.#entries.slice(Math.max(start, end - options.limit), end).reverse()
      : this.#entries.slice(start, Math.min(end, start + options.limit));
  }

  async commit(commit: Commit): Promise<CommitResult> {
    assertCommit(commit);
    const failed = (commit.checks ?? []).findIndex((check) => !this.#holds(check));
    if (failed >= 0) return { ok: false, failed };
    for (const key of commit.deletes ?? []) {
      const at = this.#position(key);
      if (this.#isAt(at, key)) this.#entries.splice(at, 1);
    }
    for (const { key, value } of commit.puts ?? []) {
      const at = this.#position(key);
      const entry = { key: Buffer.from(key), value: Buffer.from(value) };
      this.#entries.splice(at, this.#isAt(at, key) ? 1 : 0, entry);
    }
    return { ok: true };
  }

  #holds(check: Check): boolean {
    if (check.is === 'empty') {
      const first = this.#entries[this.#position(check.prefix)];
      return first === undefined || !startsWith(first.key, check.prefix);
    }
    const value = this.#find(check.key);
    if (check.is === 'absent') return value === undefined;
    if (check.is === 'present') return value !== undefined;
    return value !== undefined && Buffer.compare(value, check.value) === 0;
  }

  #find(key: Key): Uint8Array | undefined {
    const at = this.#position(key);
    return this.#isAt(at, key) ? this.#entries[at]?.value : undefined;
  }

  #isAt(at: number, key: Key): boolean {
    const entry = this.#entries[at];
    return entry !== undefined && Buffer.compare(entry.key, key) === 0;
  }

  /** Where `key` is or would be: the number of keys below it. */
  #position(key: Key): number {
    let low = 0;
    let high = this.#entries.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const entry = this.#entries[middle];
      if (entry !== undefined && Buffer.compare(entry.key, key) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

function copyOf(value: Uint8Array | undefined): Uint8Array | undefined {
  return value === undefined ? undefined : Buffer.from(value);
}

function startsWith(key: Key, prefix: Key): boolean {
  return key.length >= prefix.length && Buffer.compare(key.subarray(0, prefix.length), prefix) === 0;
}
