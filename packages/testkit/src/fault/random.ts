import { createCipheriv, createHash } from 'node:crypto';

/** Choices and bytes that a seed repeats. Not for secrets. */
export class Random {
  readonly seed: string;
  #state: number;
  #drawn = 0;

  constructor(seed: string) {
    this.seed = seed;
    this.#state = createHash('sha256').update(seed).digest().readUInt32LE();
  }

  /** A generator of its own; what one draws does not change what the other does. */
  fork(name: string): Random {
    return new Random(`${this.seed}/${name}`);
  }

  /** 0 up to 1, without 1. */
  fraction(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = this.#state;
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }

  /** From `least` to `most`, both included. */
  integer(least: number, most: number): number {
    return least + Math.floor(this.fraction() * (most - least + 1));
  }

  chance(probability: number): boolean {
    return this.fraction() < probability;
  }

  /** Undefined only when there is nothing to choose from. */
  pick<T>(choices: readonly T[]): T | undefined {
    return choices[this.integer(0, choices.length - 1)];
  }

  /** One of the choices, each as likely as its weight says. */
  weighted<T extends { readonly weight: number }>(choices: readonly T[]): T | undefined {
    const total = choices.reduce((sum, { weight }) => sum + weight, 0);
    let left = this.fraction() * total;
    return choices.find(({ weight }) => {
      left -= weight;
      return left < 0;
    });
  }

  shuffled<T>(items: readonly T[]): T[] {
    return items
      .map((item) => ({ item, rank: this.fraction() }))
      .sort((a, b) => a.rank - b.rank)
      .map(({ item }) => item);
  }

  /** Bytes that no compression makes smaller. */
  bytes(length: number): Buffer {
    this.#drawn += 1;
    const key = createHash('sha256').update(`${this.seed}#${this.#drawn}`).digest();
    return createCipheriv('aes-256-ctr', key, Buffer.alloc(16)).update(Buffer.alloc(length));
  }
}
