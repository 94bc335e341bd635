import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { StoreError } from '@zot-artifact-store/spec';
import bcrypt from 'bcrypt';

const REMEMBER_MS = 60_000;
const MAX_REMEMBERED = 1000;
/** bcrypt shares the thread pool with the file system; it must not take all of it. */
const MAX_RUNNING = 2;
const MAX_WAITING = 200;

/**
 * Checks passwords against bcrypt hashes on the thread pool. A success is remembered for a minute under a keyed hash of
 * user, password and stored hash (so a changed file forgets by itself), equal checks at the same time are one check,
 * and no more than a bounded number wait.
 */
export class PasswordChecker {
  readonly #key = randomBytes(32);
  readonly #clock: { now(): number };
  readonly #rememberedUntil = new Map<string, number>();
  readonly #running = new Map<string, Promise<boolean>>();
  readonly #waiting: (() => void)[] = [];
  readonly #decoys = new Map<number, Promise<string>>();
  #slotsTaken = 0;

  constructor(clock: { now(): number }) {
    this.#clock = clock;
  }

  /** Equality in constant time, whatever the lengths. */
  areEqual(left: string, right: string): boolean {
    return timingSafeEqual(this.#digest(left), this.#digest(right));
  }

  /** Whether this very password was found right within the last minute; costs no bcrypt. */
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
      check = this.#compare(password, hash).finally(() => this.#running.delete(id));
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

  /** The work of a check with no chance of success, for users that do not exist. */
  async pretend(user: string, password: string, cost: number): Promise<void> {
    let decoy = this.#decoys.get(cost);
    if (decoy === undefined) {
      decoy = bcrypt.hash(randomBytes(24).toString('base64'), cost);
      this.#decoys.set(cost, decoy);
    }
    await this.check(user, password, await decoy);
  }

  async #compare(password: string, hash: string): Promise<boolean> {
    await this.#takeSlot();
    try {
      return await bcrypt.compare(password, hash);
    } finally {
      const next = this.#waiting.shift();
      if (next) next();
      else this.#slotsTaken -= 1;
    }
  }

  async #takeSlot(): Promise<void> {
    if (this.#slotsTaken < MAX_RUNNING) {
      this.#slotsTaken += 1;
      return;
    }
    if (this.#waiting.length >= MAX_WAITING) {
      throw new StoreError('too-many-requests', 'Too many passwords are being checked at once; try again.', {
        retryAfterSeconds: 1,
      });
    }
    // A slot that is given back goes straight to the one waiting longest.
    await new Promise<void>((granted) => this.#waiting.push(granted));
  }

  /** Neither user, password nor hash can hold a NUL, so the joined text has one reading. */
  #id(user: string, password: string, hash: string): string {
    return this.#digest(`${user}\0${password}\0${hash}`).toString('base64');
  }

  #digest(text: string): Buffer {
    return createHmac('sha256', this.#key).update(text).digest();
  }
}
