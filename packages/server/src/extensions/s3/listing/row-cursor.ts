import type { Entry, Key, MetadataStore } from '../../../metadata/metadata-store.ts';

const FIRST_BATCH = 8;
const LARGEST_BATCH = 1000;

/**
 * Walks rows in key order, reading a few at first and more as they are wanted; a seek starts small again, so that
 * skipping over common prefixes costs what is skipped to and not what is skipped.
 */
export class RowCursor {
  readonly #metadata: MetadataStore;
  readonly #to: Key | undefined;
  #from: Key;
  #after: Key | undefined;
  #rows: readonly Entry[] = [];
  #at = 0;
  #batch = FIRST_BATCH;
  #isAtEnd = false;

  /** From `from` (inclusive) up to `to` (exclusive). */
  constructor(metadata: MetadataStore, range: { readonly from: Key; readonly to: Key | undefined }) {
    this.#metadata = metadata;
    this.#from = range.from;
    this.#to = range.to;
  }

  /** The row the cursor stands at, or undefined at the end; a promise only where rows must be read first. */
  peek(): Promise<Entry | undefined> | Entry | undefined {
    const row = this.#rows[this.#at];
    return row !== undefined || this.#isAtEnd ? row : this.#fill().then(() => this.#rows[this.#at]);
  }

  /** Moves on by one row. */
  skip(): void {
    this.#at += 1;
  }

  /** Moves forward to the first row at or after `key`; undefined means the end. */
  seek(key: Key | undefined): void {
    if (key === undefined) {
      this.#rows = [];
      this.#at = 0;
      this.#isAtEnd = true;
      return;
    }
    while (this.#at < this.#rows.length) {
      const row = this.#rows[this.#at];
      if (row !== undefined && Buffer.compare(row.key, key) >= 0) return;
      this.#at += 1;
    }
    if (this.#isAtEnd) return;
    this.#from = key;
    this.#after = undefined;
    this.#batch = FIRST_BATCH;
  }

  async #fill(): Promise<void> {
    const rows = await this.#metadata.scan(
      { from: this.#from, ...(this.#to === undefined ? {} : { to: this.#to }) },
      { limit: this.#batch, ...(this.#after === undefined ? {} : { after: this.#after }) },
    );
    this.#isAtEnd = rows.length < this.#batch;
    this.#after = rows.at(-1)?.key ?? this.#after;
    this.#batch = Math.min(this.#batch * 4, LARGEST_BATCH);
    this.#rows = rows;
    this.#at = 0;
  }
}
