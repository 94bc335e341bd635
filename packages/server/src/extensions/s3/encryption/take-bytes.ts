import { StoreError } from '@zot-artifact-store/spec';

/** A stream of which exact numbers of bytes are taken. */
export interface TakenBytes {
  /** Throws `blob-corrupt` when the stream ends before. */
  take(count: number): Promise<Buffer>;
  /** Ends the stream, wherever it is. */
  close(): Promise<void>;
}

export function takeBytes(source: AsyncIterable<Uint8Array>): TakenBytes {
  const pieces = source[Symbol.asyncIterator]();
  let piece: Uint8Array = new Uint8Array();
  return {
    async take(count) {
      const taken = Buffer.allocUnsafe(count);
      let filled = 0;
      while (filled < count) {
        if (piece.length === 0) {
          const next = await pieces.next();
          if (next.done === true) {
            throw new StoreError('blob-corrupt', `encrypted content ends ${count - filled} bytes too early`);
          }
          piece = next.value;
        }
        const some = piece.subarray(0, count - filled);
        taken.set(some, filled);
        filled += some.length;
        piece = piece.subarray(some.length);
      }
      return taken;
    },
    async close() {
      await pieces.return?.();
    },
  };
}
