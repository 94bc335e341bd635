import { randomBytes, randomFillSync } from 'node:crypto';

const UNIQUE_BYTES = 32;
const PIECE_BYTES = 256 * 1024;

/** Bodies that are random, and no two of which are the same. They differ in their last bytes only, so making one costs nothing. */
export class ObjectBytes {
  #noise: Buffer = Buffer.alloc(0);

  *create(sizeBytes: number): Generator<Buffer> {
    const unique = randomBytes(Math.min(UNIQUE_BYTES, sizeBytes));
    const shared = sizeBytes - unique.length;
    if (this.#noise.length < shared) this.#noise = randomFillSync(Buffer.allocUnsafeSlow(shared));
    const noise = this.#noise;
    for (let at = 0; at < shared; at += PIECE_BYTES) {
      yield noise.subarray(at, Math.min(shared, at + PIECE_BYTES));
    }
    yield unique;
  }
}
