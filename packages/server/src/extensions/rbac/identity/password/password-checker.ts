import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { Turns } from '../turns.ts';

const REMEMBER_MS = 60_000;
const MAX_REMEMBERED = 1000;
/** bcrypt shares the thread pool with the file system; it must not take all of it. */
const MAX_RUNNING = 2;
const MAX_WAITING = 200;

/** Whether a password is the one of a hash; takes milliseconds to seconds of another thread. */
export type ComparePassword = (password: string, hash: string) => Promise<boolean>;

/**
 * Checks passwords against stored hashes. A success is remembered for a minute under a keyed hash of user, password and
 * stored hash (so a changed file forgets by itself), equal checks at the same time are one check, and no more than a
 * bounded number wait.
 */
export class PasswordChecker {
  readonly #key = randomBytes(32);
  readonly #clock: { now(): number };
  readonly #rememberedUntil = new Map<string, number>();
  readonly #running = new Map<string, Promise<boolean>>();
  readonly #turns = new Turns({ running: MAX_RUNNING, waiting: MAX_WAITING });
  readonly #compareHash: ComparePassword;

  constructor(clock: { now(): number }, compare: ComparePassword) {
    this.#clock = clock;
    this.#compareHash = compare;
  }

  /** Equality in constant time, whatever the lengths. */
  areEqual(left: string, right: string): boolean {
    return timingSafeEqual(this.#digest(left), this.#digest(right));
  }

  /** Whether this very password was found right within the last minute; costs no check. */
  isRemembered(user: string, password: string, hash: string): boolean {
    const id = this.#id(user, password, hash);
    const until = this.#rememberedUntil.get(id);
    if (until === undefined) return false;
    if (until > this.#clock.now()) return true;
    this.#rememberedUntil.delete(id);
    return false;
  }

  /** Throws `too-many-requests` when too many checks wait already. */
  check(user: string, password: string, hash: string): Promise<boolean> {
    const id = this.#id(user, password, hash);
    let check = this.#running.get(id);
    if (check === undefined) {
      check = this.#turns
        .take(() => this.#compareHash(password, hash))
        .finally(() => this.#running.delete(id));
      this.#running.set(id, check);
    }
    return check;
  }

  /** Called when a check went well. */
  remember(user: string, password: string, hash: string): void {
    const id = this.#id(user, password, hash);
    this.#rememberedUntil.delete(id);
    this.#rememberedUntil.set(id, this.#clock.now() + REMEMBER_MS);
    if (this.#rememberedUntil.size > MAX_REMEMBERED) {
      const [oldest] = this.#rememberedUntil.keys();
      if (oldest !== undefined) this.#rememberedUntil.delete(oldest);
    }
  }

  /** Neither user, password nor hash can hold a NUL, so the joined text has one reading. */
  #id(user: string, password: string, hash: string): string {
    return this.#digest(`${user}\0${password}\0${hash}`).toString('base64');
  }

  #digest(text: string): Buffer {
    return createHmac('sha256', this.#key).update(text).digest();
  }
}
