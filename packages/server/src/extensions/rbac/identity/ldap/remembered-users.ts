import type { ServiceUser } from '../password/password-logins.ts';

const REMEMBER_MS = 60_000;
const MAX_REMEMBERED = 1_000;

/** What the directory said within the last minute. The oldest gives way when there are too many. */
export class RememberedUsers {
  readonly #clock: { now(): number };
  readonly #users = new Map<string, { readonly user: ServiceUser; readonly untilMs: number }>();

  constructor(clock: { now(): number }) {
    this.#clock = clock;
  }

  get(id: string): ServiceUser | undefined {
    const known = this.#users.get(id);
    if (known === undefined) return undefined;
    if (known.untilMs > this.#clock.now()) return known.user;
    this.#users.delete(id);
    return undefined;
  }

  set(id: string, user: ServiceUser): void {
    this.#users.delete(id);
    this.#users.set(id, { user, untilMs: this.#clock.now() + REMEMBER_MS });
    if (this.#users.size <= MAX_REMEMBERED) return;
    const [oldest] = this.#users.keys();
    if (oldest !== undefined) this.#users.delete(oldest);
  }
}
