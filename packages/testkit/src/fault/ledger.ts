/** The order of events in one run, and what was acknowledged in it. Shared by all models of the run. */
export class Ledger {
  readonly #counts = new Map<string, number>();
  #now = 0;

  /** A point in time that is after every earlier one. */
  tick(): number {
    this.#now += 1;
    return this.#now;
  }

  acknowledged(operation: string): void {
    this.#counts.set(operation, (this.#counts.get(operation) ?? 0) + 1);
  }

  get counts(): ReadonlyMap<string, number> {
    return this.#counts;
  }

  get total(): number {
    return [...this.#counts.values()].reduce((sum, count) => sum + count, 0);
  }
}
