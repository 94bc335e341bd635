import { S3Error } from '../errors.ts';
import type { Credential } from './credentials.ts';

/** So many wrong signatures are free: people mistype a password, and scripts start with an old one. */
const FREE = 10;
const FIRST_PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 60_000;
const FORGET_AFTER_MS = 10 * 60_000;
const MAX_ADDRESSES = 10_000;

interface Guesses {
  readonly count: number;
  readonly lastMs: number;
}

/**
 * Slows down guessing of the root user's password, the only secret here that somebody may have thought up: after some
 * wrong signatures from one address its further requests as root are turned away, for pauses that double. A right one
 * ends that. The oldest entries give way when the table is full.
 */
export class RootGuesses {
  readonly #clock: { now(): number };
  readonly #byAddress = new Map<string, Guesses>();

  constructor(clock: { now(): number }) {
    this.#clock = clock;
  }

  /** Throws SlowDown within a pause. */
  assertMayTry(address: string): void {
    const guesses = this.#byAddress.get(address);
    if (guesses === undefined) return;
    const pauseMs = guesses.lastMs + pauseAfter(guesses.count) - this.#clock.now();
    if (pauseMs <= 0) return;
    throw new S3Error('SlowDown', 'Too many wrong signatures of the root user; wait before trying again.', {
      retryAfterSeconds: Math.ceil(pauseMs / 1000),
    });
  }

  /**
   * Runs a verification of a request from `address`, and keeps count of what it says of root. Gives what `verify` gives.
   */
  async watch<T extends { readonly credential: Credential } | undefined>(
    rootUser: string,
    address: string,
    verify: () => Promise<T>,
  ): Promise<T> {
    try {
      const verified = await verify();
      if (verified?.credential.accessKeyId === rootUser) this.#byAddress.delete(address);
      return verified;
    } catch (error) {
      if (
        error instanceof S3Error &&
        error.code === 'SignatureDoesNotMatch' &&
        error.fields.AWSAccessKeyId === rootUser
      ) {
        this.#count(address);
      }
      throw error;
    }
  }

  #count(address: string): void {
    const now = this.#clock.now();
    const known = this.#byAddress.get(address);
    const before = known !== undefined && now - known.lastMs < FORGET_AFTER_MS ? known.count : 0;
    // Set anew to be the youngest in the map's order.
    this.#byAddress.delete(address);
    this.#byAddress.set(address, { count: before + 1, lastMs: now });
    if (this.#byAddress.size > MAX_ADDRESSES) {
      const [oldest] = this.#byAddress.keys();
      if (oldest !== undefined) this.#byAddress.delete(oldest);
    }
  }
}

function pauseAfter(count: number): number {
  const over = count - FREE;
  return over < 0 ? 0 : Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** Math.min(over, 10));
}
