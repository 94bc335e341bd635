import type { LargeStore } from './large-store.ts';

export interface ExperimentContext {
  readonly quick: boolean;
  readonly workers: number | undefined;
  /** Filled when the first experiment asks for it, and shared by all. */
  largeStore(): Promise<LargeStore>;
  say(line: string): void;
}

/** What an experiment found: an aim in words, and lines of figures. */
export interface Finding {
  readonly name: string;
  readonly aim: string;
  readonly figures: readonly Readonly<Record<string, string | number>>[];
}
