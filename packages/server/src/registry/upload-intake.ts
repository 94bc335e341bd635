/**
 * The beginning of a body that may turn out to be small. Either the source is over (`rest` is undefined; `failure` when
 * it broke), or `head` is longer than the bound and `rest` yields what follows it.
 */
export interface Intake {
  readonly head: Buffer;
  readonly failure?: { readonly cause: unknown };
  readonly rest: AsyncIterable<Uint8Array> | undefined;
}

/** Reads until the source ends or more than `limitBytes` are there. Ends with the signal even if the source does not. */
export async function takeHead(
  source: AsyncIterable<Uint8Array>,
  limitBytes: number,
  signal: AbortSignal | undefined,
): Promise<Intake> {
  const iterator = source[Symbol.asyncIterator]();
  const chunks: Buffer[] = [];
  let headBytes = 0;
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  aborted.catch(() => undefined);
  const onAbort = () => reject(signal?.reason);
  signal?.addEventListener('abort', onAbort, { once: true });
  try {
    signal?.throwIfAborted();
    for (;;) {
      const step = await Promise.race([iterator.next(), aborted]);
      if (step.done === true) return { head: Buffer.concat(chunks, headBytes), rest: undefined };
      // A copy: the chunk may belong to a source that reuses it.
      chunks.push(Buffer.from(step.value));
      headBytes += step.value.length;
      if (headBytes > limitBytes) return { head: Buffer.concat(chunks, headBytes), rest: restOf(iterator) };
    }
  } catch (cause) {
    return { head: Buffer.concat(chunks, headBytes), failure: { cause }, rest: undefined };
  } finally {
    signal?.removeEventListener('abort', onAbort);
  }
}

/** The pieces one after the other. */
export async function* joined(
  pieces: readonly Uint8Array[],
  rest: AsyncIterable<Uint8Array> | undefined,
): AsyncGenerator<Uint8Array, void, undefined> {
  for (const piece of pieces) if (piece.length > 0) yield piece;
  if (rest !== undefined) yield* rest;
}

function restOf(iterator: AsyncIterator<Uint8Array>): AsyncIterable<Uint8Array> {
  return { [Symbol.asyncIterator]: () => iterator };
}
