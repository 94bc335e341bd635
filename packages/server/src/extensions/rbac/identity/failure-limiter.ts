/** So many wrong passwords of one user from one address are free: people mistype, and scripts start with an old one. */
const FREE_FAILURES = 10;
/** So many of one user from everywhere, and of everybody from one address: an office has one, and so has a proxy. */
const FREE_FAILURES_IN_ALL = 100;
const FIRST_PAUSE_MS = 1000;
const LONGEST_PAUSE_MS = 60_000;
const FORGET_AFTER_MS = 10 * 60_000;
const MAX_ENTRIES = 30_000;

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
 * turned away, and the pause doubles with every failure. So it is, after more of them, for one user from many addresses
 * and for one address that tries many users. The oldest entries give way when the table is full.
 */
export class FailureLimiter {
  readonly #entries = new Map<string, Entry>();
  readonly #clock: { now(): number };

  constructor(clock: { now(): number }) {
    this.#clock = clock;
  }

  /** How long until the next try is looked at; 0 is now. */
  pauseMs(user: string, address: string): number {
    const now = this.#clock.now();
    const pauses = keysOf(user, address).map(({ id, free }) => {
      const entry = this.#entries.get(id);
      return entry === undefined ? 0 : entry.lastFailureMs + pauseAfter(entry.failures - free) - now;
    });
    return Math.max(0, ...pauses);
  }

  /**
   * Whether a try within a pause may be compared with remembered passwords. Those who logged in a moment ago are let
   * through, so that one program with an old password behind a proxy does not lock out the others; and the comparison
   * is rationed, so that it is no faster way to guess.
   */
  mayGlance(user: string, address: string): boolean {
    const id = key(user, address);
    const entry = this.#entries.get(id) ?? { failures: 0, lastFailureMs: 0, glanceSecond: 0, glances: 0 };
    this.#keep(id, entry);
    const second = Math.floor(this.#clock.now() / 1000);
    if (entry.glanceSecond !== second) {
      entry.glanceSecond = second;
      entry.glances = 0;
    }
    entry.glances += 1;
    return entry.glances <= GLANCES_PER_SECOND;
  }

  failed(user: string, address: string): void {
    for (const { id } of keysOf(user, address)) this.#count(id);
  }

  /** Only of this user from this address: a login of one's own must not wipe out what was tried of others. */
  succeeded(user: string, address: string): void {
    this.#entries.delete(key(user, address));
  }

  #count(id: string): void {
    const now = this.#clock.now();
    const known = this.#entries.get(id);
    const before = known && now - known.lastFailureMs < FORGET_AFTER_MS ? known.failures : 0;
    this.#keep(id, { failures: before + 1, lastFailureMs: now, glanceSecond: 0, glances: 0 });
  }

  #keep(id: string, entry: Entry): void {
    // Set anew to be the youngest in the map's order.
    this.#entries.delete(id);
    this.#entries.set(id, entry);
    if (this.#entries.size > MAX_ENTRIES) {
      const [oldest] = this.#entries.keys();
      if (oldest !== undefined) this.#entries.delete(oldest);
    }
  }
}

function key(user: string, address: string): string {
  return `${address} ${user.slice(0, 255)}`;
}

/** A name has no NUL, so that none of these is another's. */
function keysOf(user: string, address: string): readonly { readonly id: string; readonly free: number }[] {
  return [
    { id: key(user, address), free: FREE_FAILURES },
    { id: `user\0${user.slice(0, 255)}`, free: FREE_FAILURES_IN_ALL },
    { id: `address\0${address}`, free: FREE_FAILURES_IN_ALL },
  ];
}

/** `over` counts what is above the free ones. */
function pauseAfter(over: number): number {
  return over < 0 ? 0 : Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** Math.min(over, 10));
}
