import { statfs } from 'node:fs/promises';
import { PAGE_BYTES } from './environment.ts';

/** Bytes this process may still write on the filesystem of the store. */
export type SpaceProbe = () => Promise<number>;

export function filesystemSpace(path: string): SpaceProbe {
  return async () => {
    const { bavail, bsize } = await statfs(path);
    return bavail * bsize;
  };
}

export interface FreeSpaceOptions {
  readonly probe: SpaceProbe;
  /** Below this nothing is put any more. */
  readonly reserveBytes: number;
  readonly clock: { now(): number };
}

/** How old an answer of the filesystem may be. */
const MAX_AGE_MS = 250;

/**
 * Whether there is room above the reserve. Between two probes it counts what was admitted, at the most that LMDB may
 * write for it, and asks again when that reaches the reserve; so only the filesystem's own answer ever refuses.
 */
export class FreeSpace {
  readonly #options: FreeSpaceOptions;
  #freeBytes = 0;
  #askedAtMs = Number.NEGATIVE_INFINITY;
  #admittedBytes = 0;
  #asking: Promise<void> | undefined;

  constructor(options: FreeSpaceOptions) {
    this.#options = options;
  }

  /** Synchronous as long as the last answer is good, so that it costs a commit nothing. */
  admit(puts: number): boolean | Promise<boolean> {
    const bytes = puts * 2 * PAGE_BYTES;
    const ageMs = this.#options.clock.now() - this.#askedAtMs;
    // A clock that was set back makes a negative age: ask.
    if (ageMs >= 0 && ageMs < MAX_AGE_MS && this.#isAbove(this.#admittedBytes + bytes)) {
      this.#admittedBytes += bytes;
      return true;
    }
    return this.#askThenAdmit(bytes);
  }

  async #askThenAdmit(bytes: number): Promise<boolean> {
    this.#asking ??= this.#ask().finally(() => {
      this.#asking = undefined;
    });
    await this.#asking;
    this.#admittedBytes += bytes;
    return this.#isAbove(0);
  }

  async #ask(): Promise<void> {
    const freeBytes = await this.#options.probe();
    this.#freeBytes = freeBytes;
    this.#askedAtMs = this.#options.clock.now();
    this.#admittedBytes = 0;
  }

  #isAbove(plannedBytes: number): boolean {
    return this.#freeBytes - plannedBytes > this.#options.reserveBytes;
  }
}
