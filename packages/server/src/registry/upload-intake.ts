import { giveBackBytes } from '../work/lent-bytes.ts';

/**
 * The beginning of a body that may turn out to be small. Either the source is over (`rest` is undefined; `failure` when
 * it broke), or `rest` yields what follows `head` and both together are longer than the bound.
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
      if (headBytes + step.value.length > limitBytes) {
        return { head: Buffer.concat(chunks, headBytes), rest: resumed(step.value, iterator) };
      }
      headBytes += step.value.length;
      // A copy: the chunk may belong to a source that reuses it.
      chunks.push(Buffer.from(step.value));
      giveBackBytes(step.value);
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

/** `first` as it was pulled, then what `iterator` has. */
function resumed(first: Uint8Array, iterator: AsyncIterator<Uint8Array>): AsyncIterable<Uint8Array> {
  let pulled: Uint8Array | undefined = first;
  return {
    [Symbol.asyncIterator]: () => ({
      next() {
        if (pulled === undefined) return iterator.next();
        const value = pulled;
        pulled = undefined;
        return Promise.resolve({ done: false, value });
      },
      async return() {
        await iterator.return?.();
        return { done: true, value: undefined };
      },
    }),
  };
}
