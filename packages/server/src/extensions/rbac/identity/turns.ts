import { StoreError } from '@zot-artifact-store/spec';

/** Lets so many run at once, and so many wait; for work that must not take a resource as a whole. */
export class Turns {
  readonly #limits: { readonly running: number; readonly waiting: number };
  readonly #waiting: (() => void)[] = [];
  #taken = 0;

  constructor(limits: { readonly running: number; readonly waiting: number }) {
    this.#limits = limits;
  }

  /** Throws `too-many-requests` when too many wait already. */
  async take<T>(work: () => Promise<T>): Promise<T> {
    await this.#begin();
    try {
      return await work();
    } finally {
      // A turn that is given back goes straight to the one waiting longest.
      const next = this.#waiting.shift();
      if (next) next();
      else this.#taken -= 1;
    }
  }

  async #begin(): Promise<void> {
    if (this.#taken < this.#limits.running) {
      this.#taken += 1;
      return;
    }
    if (this.#waiting.length >= this.#limits.waiting) {
      throw new StoreError('too-many-requests', 'Too many passwords are being checked at once; try again.', {
        retryAfterSeconds: 1,
      });
    }
    await new Promise<void>((granted) => this.#waiting.push(granted));
  }
}
