import { describe, expect, it } from 'vitest';
import { interruptible } from './interruptible.ts';

async function* letters(closed: string[] = []): AsyncGenerator<Uint8Array> {
  try {
    for (const letter of 'abc') yield Buffer.from(letter);
    closed.push('ended');
  } finally {
    closed.push('closed');
  }
}

async function textOf(source: AsyncIterable<Uint8Array>): Promise<string> {
  let text = '';
  for await (const chunk of source) text += Buffer.from(chunk).toString();
  return text;
}

describe('interruptible', () => {
  it('passes everything through, with and without a signal', async () => {
    expect(await textOf(interruptible(letters(), undefined))).toBe('abc');
    expect(await textOf(interruptible(letters(), new AbortController().signal))).toBe('abc');
  });

  it('passes the error of the source through', async () => {
    const reason = new Error('broken');
    async function* broken(): AsyncGenerator<Uint8Array> {
      yield Buffer.from('a');
      throw reason;
    }
    await expect(textOf(interruptible(broken(), new AbortController().signal))).rejects.toBe(reason);
  });

  it('ends a pull that hangs with the reason of the abort, and tells the source to finish', async () => {
    const abort = new AbortController();
    const reason = new Error('gone');
    const told = Promise.withResolvers<void>();
    const hanging: AsyncIterable<Uint8Array> = {
      [Symbol.asyncIterator]: () => ({
        next: () => new Promise(() => undefined),
        return: async () => {
          told.resolve();
          return { done: true, value: undefined };
        },
      }),
    };
    const reading = textOf(interruptible(hanging, abort.signal));
    setImmediate(() => abort.abort(reason));
    await expect(reading).rejects.toBe(reason);
    await told.promise;
  });

  it('closes the source when the reader leaves, and when the signal aborts between two pulls', async () => {
    const left: string[] = [];
    for await (const _ of interruptible(letters(left), new AbortController().signal)) break;
    expect(left).toEqual(['closed']);
    const abort = new AbortController();
    const aborted: string[] = [];
    const stream = interruptible(letters(aborted), abort.signal);
    await stream.next();
    abort.abort(new Error('gone'));
    await expect(stream.next()).rejects.toThrow('gone');
    expect(aborted).toEqual(['closed']);
  });

  it('leaves no listener on the signal', async () => {
    const added: string[] = [];
    const signal = new AbortController().signal;
    const { addEventListener, removeEventListener } = signal;
    signal.addEventListener = (...args: Parameters<typeof addEventListener>) => {
      added.push('added');
      addEventListener.apply(signal, args);
    };
    signal.removeEventListener = (...args: Parameters<typeof removeEventListener>) => {
      added.pop();
      removeEventListener.apply(signal, args);
    };
    await textOf(interruptible(letters(), signal));
    expect(added).toEqual([]);
  });
});
