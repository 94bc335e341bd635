/*
 * Bytes of a stream whose memory someone wants back sooner than the garbage collector comes by. A chunk of 64 KiB from
 * a socket is a small object to the collector and its memory none of its own, so it is let lie until 64 MiB have piled
 * up, and then costs a collection of everything: one for every 64 MiB of an upload.
 *
 * The chunk belongs to its reader like any other. A reader that has copied it or sent it, and knows that nobody else
 * was given it, may give it back; one that does not know of this leaves it to the collector. Neither can do harm.
 */

const lenders = new WeakMap<Uint8Array, () => void>();

/** `takeBack` is called once at most, when the reader is done with exactly this chunk; a part of it is another chunk. */
export function lendBytes<Chunk extends Uint8Array>(chunk: Chunk, takeBack: () => void): Chunk {
  lenders.set(chunk, takeBack);
  return chunk;
}

/** Ends the use of a chunk: its content is undefined from here on. Does nothing when it was not lent. */
export function giveBackBytes(chunk: Uint8Array): void {
  const takeBack = lenders.get(chunk);
  if (takeBack === undefined) return;
  lenders.delete(chunk);
  takeBack();
}

/** Lends a chunk that has memory of its own, which is freed when it comes back. One that is a view is left as it is. */
export function lendOwned<Chunk extends Uint8Array>(chunk: Chunk): Chunk {
  const { buffer } = chunk;
  if (!(buffer instanceof ArrayBuffer) || chunk.length !== buffer.byteLength) return chunk;
  return lendBytes(chunk, () => {
    // The memory moves to a buffer of no length, that is, nowhere.
    buffer.transfer(0);
  });
}
