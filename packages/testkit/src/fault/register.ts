import type { Ledger } from './ledger.ts';
import { Violation } from './violation.ts';

/** One change under way. Exactly one of the three is called, when its outcome is known or never will be. */
export interface Attempt {
  acknowledge(): void;
  /** The server said that it did not happen. */
  refuse(): void;
  /** No answer came, and none of it can happen any more: it happened, or it did not. */
  lose(): void;
}

/** What a read that began now may find, whatever happens before it ends. */
export interface Watch<Value> {
  /** Ends the watch. */
  end(): ReadonlySet<Value>;
}

interface Entry<Value> {
  readonly value: Value;
  readonly startedAt: number;
  readonly onlyIf: Value | undefined;
  endedAt: number;
  isAcknowledged: boolean;
}

const MAX_HISTORY = 40;

/**
 * What one name in the store may hold, given what was asked for and what was answered. Changes overlap, and an answer
 * may be lost; so several values can be right. A value is ruled out once a change that began after it had ended is
 * acknowledged.
 */
export class Register<Value> {
  readonly name: string;
  readonly #ledger: Ledger;
  #entries: Entry<Value>[];
  readonly #watches = new Set<Set<Value>>();
  readonly #history: string[] = [];

  constructor(name: string, options: { readonly ledger: Ledger; readonly initial: Value }) {
    this.name = name;
    this.#ledger = options.ledger;
    this.#entries = [known(options.initial, options.ledger.tick())];
  }

  get possible(): ReadonlySet<Value> {
    return new Set(this.#entries.map(({ value }) => value));
  }

  /** Whether it holds this value and can hold no other. */
  isSurely(value: Value): boolean {
    return this.#entries.every((entry) => entry.value === value);
  }

  /** With `onlyIf` the change leaves every other value as it is, as deleting a manifest does with tags. */
  attempt(value: Value, { onlyIf }: { readonly onlyIf?: Value } = {}): Attempt {
    const entry: Entry<Value> = {
      value,
      onlyIf,
      startedAt: this.#ledger.tick(),
      endedAt: Number.POSITIVE_INFINITY,
      isAcknowledged: false,
    };
    this.#entries.push(entry);
    for (const seen of this.#watches) seen.add(value);
    return {
      acknowledge: () => {
        this.#note('acknowledged', entry);
        entry.endedAt = this.#ledger.tick();
        entry.isAcknowledged = true;
        this.#entries = this.#entries.filter((older) => !isRuledOut(older, entry));
      },
      refuse: () => {
        this.#note('refused', entry);
        this.#entries = this.#entries.filter((other) => other !== entry);
      },
      lose: () => {
        this.#note('lost', entry);
        entry.endedAt = this.#ledger.tick();
      },
    };
  }

  watch(): Watch<Value> {
    const seen = new Set(this.possible);
    this.#watches.add(seen);
    return {
      end: () => {
        this.#watches.delete(seen);
        return seen;
      },
    };
  }

  /** What a read found while no change was under way. Throws a Violation when that cannot be. */
  settle(value: Value): void {
    if (!this.possible.has(value)) throw this.violation(value, this.possible);
    this.#entries = [known(value, this.#ledger.tick())];
    this.#tell(`settled ${String(value)}`);
  }

  violation(found: Value, expected: ReadonlySet<Value>): Violation {
    const wanted = [...expected].map(String).join(' or ');
    return new Violation(`${this.name} is ${String(found)} and must be ${wanted}; ${this.story}`);
  }

  /** What happened to it, for people. */
  get story(): string {
    return `before: ${this.#history.join(', ')}`;
  }

  #note(outcome: string, { value, startedAt, onlyIf }: Entry<Value>): void {
    const condition = onlyIf === undefined ? '' : ` if ${String(onlyIf)}`;
    this.#tell(`${outcome} ${String(value)}${condition} (${startedAt} to ${this.#ledger.tick()})`);
  }

  #tell(event: string): void {
    this.#history.push(event);
    if (this.#history.length > MAX_HISTORY) this.#history.shift();
  }
}

function isRuledOut<Value>(older: Entry<Value>, by: Entry<Value>): boolean {
  if (older === by || older.endedAt > by.startedAt) return false;
  return by.onlyIf === undefined || older.value === by.onlyIf;
}

function known<Value>(value: Value, at: number): Entry<Value> {
  return { value, onlyIf: undefined, startedAt: at, endedAt: at, isAcknowledged: true };
}
