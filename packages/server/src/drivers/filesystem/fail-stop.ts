import { StoreError } from '@zot-artifact-store/spec';
import { isDamage, isFull, translateError } from './translate-error.ts';

/**
 * After a failed fsync the kernel may have dropped the dirty pages and reports success to the next fsync, so nothing
 * written later can be trusted either: the driver says so once and refuses every further write.
 */
export class FailStop {
  readonly #onFatal: (error: StoreError) => void;
  #fatal: StoreError | undefined;
  #isClosed = false;

  constructor(onFatal: (error: StoreError) => void) {
    this.#onFatal = onFatal;
  }

  close(): void {
    this.#isClosed = true;
  }

  /** Throws `unavailable` when writes are over. */
  check(): void {
    if (this.#isClosed) throw new StoreError('unavailable', 'the store is closed');
    if (this.#fatal !== undefined) {
      throw new StoreError('unavailable', 'the store stopped writing after a failure of its disk', {
        cause: this.#fatal,
      });
    }
  }

  /** Runs a call whose failure spares the driver, unless the disk itself is damaged. */
  async attempt<T>(doing: string, call: () => Promise<T>): Promise<T> {
    try {
      return await call();
    } catch (error) {
      if (isDamage(error)) throw this.#stop(error, doing);
      throw translateError(error, doing);
    }
  }

  /** Runs an fsync, close or rename: any failure but a full disk (or our own verdict) ends the writes. */
  async vital<T>(doing: string, call: () => Promise<T>): Promise<T> {
    try {
      return await call();
    } catch (error) {
      if (error instanceof StoreError || isFull(error)) throw translateError(error, doing);
      throw this.#stop(error, doing);
    }
  }

  /** As `vital`, where not even a full disk is an excuse: names of others may hang on it. */
  async vitalForAll<T>(doing: string, call: () => Promise<T>): Promise<T> {
    try {
      return await call();
    } catch (error) {
      if (error instanceof StoreError) throw error;
      throw this.#stop(error, doing);
    }
  }

  #stop(cause: unknown, doing: string): StoreError {
    const error = new StoreError('unavailable', `the store could not ${doing}`, { cause });
    if (this.#fatal === undefined) {
      this.#fatal = error;
      this.#onFatal(error);
    }
    return error;
  }
}
