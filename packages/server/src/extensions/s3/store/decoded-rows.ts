const MAX_ROWS = 1_000;

/**
 * Keeps what rows decode to as long as their bytes are the same: every request reads its bucket several times, and
 * buckets change seldom. What is given out is shared, so nobody may change it.
 */
export class DecodedRows<T> {
  readonly #rows = new Map<string, { readonly raw: Uint8Array; readonly value: T }>();
  readonly #decode: (raw: Uint8Array) => T;

  constructor(decode: (raw: Uint8Array) => T) {
    this.#decode = decode;
  }

  /** What `raw`, the row just read under this name, decodes to. */
  of(name: string, raw: Uint8Array): T {
    const known = this.#rows.get(name);
    if (known !== undefined && Buffer.compare(known.raw, raw) === 0) return known.value;
    const value = this.#decode(raw);
    this.#rows.delete(name);
    if (this.#rows.size >= MAX_ROWS) {
      const [oldest] = this.#rows.keys();
      if (oldest !== undefined) this.#rows.delete(oldest);
    }
    this.#rows.set(name, { raw, value });
    return value;
  }
}
