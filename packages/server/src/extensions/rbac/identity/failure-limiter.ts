/** So many wrong passwords are free: people mistype, and scripts start with an old one. */
const FREE_FAILURES = 10;
const FIRST_PAUSE_MS = 1000;
const LONGEST_PAUSE_MS = 60_000;
const FORGET_AFTER_MS = 10 * 60_000;
const MAX_ENTRIES = 10_000;

/** Within a pause so many tries a second are still compared with what was right a moment ago, and no more. */
const GLANCES_PER_SECOND = 10;

interface Entry {
  failures: number;
  lastFailureMs: number;
  glanceSecond: number;
  glances: number;
}

/**
 * Slows down guessing: after some failures of one user from one address, further tries within a pause are
 * turned away, and the pause doubles with every failure. The oldest entries give way when the table is full.
 */
export class FailureLimiter {
  readonly #entries = new Map<string, Entry>();
  readonly #clock: { now(): number };

  constructor(clock: { now(): number }) {
    this.#clock = clock;
  }

  /** How long until the next try is looked at; 0 is now. */
  pauseMs(user: string, address: string): number {
    const entry = this.#entries.get(key(user, address));
    if (entry === undefined) return 0;
    return Math.max(0, entry.lastFailureMs + pauseAfter(entry.failures) - this.#clock.now());
  }

  /**
   * Whether a try within a pause may be compared with remembered passwords. Those who logged in a moment ago are let
   * through, so that one program with an old password behind a proxy does not lock out the others; and the comparison
   * is rationed, so that it is no faster way to guess.
   */
  mayGlance(user: string, address: string): boolean {
    const entry = this.#entries.get(key(user, address));
    if (entry === undefined) return true;
    const second = Math.floor(this.#clock.now() / 1000);
    if (entry.glanceSecond !== second) {
      entry.glanceSecond = second;
      entry.glances = 0;
    }
    entry.glances += 1;
    return entry.glances <= GLANCES_PER_SECOND;
  }

  failed(user: string, address: string): void {
    const now = this.#clock.now();
    const id = key(user, address);
    const known = this.#entries.get(id);
    const before = known && now - known.lastFailureMs < FORGET_AFTER_MS ? known.failures : 0;
    // Set anew to be the youngest in the map's order.
    this.#entries.delete(id);
    this.#entries.set(id, { failures: before + 1, lastFailureMs: now, glanceSecond: 0, glances: 0 });
    if (this.#entries.size > MAX_ENTRIES) {
      const [oldest] = this.#entries.keys();
      if (oldest !== undefined) this.#entries.delete(oldest);
    }
  }

  succeeded(user: string, address: string): void {
    this.#entries.delete(key(user, address));
  }
}

function key(user: string, address: string): string {
  return `${address} ${user.slice(0, 255)}`;
}

function pauseAfter(failures: number): number {
  const over = failures - FREE_FAILURES;
  return over < 0 ? 0 : Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** Math.min(over, 10));
}
