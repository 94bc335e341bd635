/**
 * The same stream, but a pull that hangs ends with the signal's reason as soon as `signal` aborts. The source is told
 * to finish (`return`) unless it ended by itself; one that hangs in a pull is told, but not waited for.
 */
export async function* interruptible(
  source: AsyncIterable<Uint8Array>,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array, void, undefined> {
  if (signal === undefined) {
    yield* source;
    return;
  }
  signal.throwIfAborted();
  const iterator = source[Symbol.asyncIterator]();
  let state: 'idle' | 'pulling' | 'ended' = 'idle';
  let rejectPull: ((reason: unknown) => void) | undefined;
  const abort = () => rejectPull?.(signal.reason);
  signal.addEventListener('abort', abort, { once: true });
  // One promise per pull: racing against one long-lived promise would keep every chunk of the stream alive.
  const pull = () =>
    new Promise<IteratorResult<Uint8Array>>((resolve, reject) => {
      signal.throwIfAborted();
      rejectPull = reject;
      state = 'pulling';
      iterator.next().then(
        (step) => {
          state = step.done === true ? 'ended' : 'idle';
          resolve(step);
        },
        (error: unknown) => {
          state = 'ended';
          reject(error);
        },
      );
    });
  try {
    for (let step = await pull(); step.done !== true; step = await pull()) yield step.value;
  } finally {
    signal.removeEventListener('abort', abort);
    await finish(iterator, state);
  }
}

async function finish(
  iterator: AsyncIterator<Uint8Array>,
  state: 'idle' | 'pulling' | 'ended',
): Promise<void> {
  if (state === 'ended') return;
  const returned = Promise.resolve(iterator.return?.()).catch(() => undefined);
  if (state === 'idle') await returned;
}
