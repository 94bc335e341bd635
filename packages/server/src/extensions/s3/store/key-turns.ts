/**
 * Lets writers of one key in this process follow each other. Each of them would win in the end anyway, by trying again
 * when another was faster; but of many at once all but one would try in vain, and some of them too often. What is left
 * to be retried are the writers of other processes.
 */
export class KeyTurns {
  readonly #last = new Map<string, Promise<unknown>>();

  /** Runs `work` once all that came before it for the key are done, well or not. */
  async take<T>(
    { bucket, key }: { readonly bucket: string; readonly key: string },
    work: () => Promise<T>,
  ): Promise<T> {
    // No bucket name holds a slash.
    const name = `${bucket}/${key}`;
    const before = this.#last.get(name);
    const running = before === undefined ? work() : before.then(work);
    const ended = running.catch(() => undefined);
    this.#last.set(name, ended);
    try {
      return await running;
    } finally {
      if (this.#last.get(name) === ended) this.#last.delete(name);
    }
  }
}
