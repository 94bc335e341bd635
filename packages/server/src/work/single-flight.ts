interface Flight<T> {
  readonly result: Promise<T>;
  readonly abort: AbortController;
  waiting: number;
}

/** Lets callers who want the same thing at the same time share one run. Nothing is kept once it has ended. */
export class SingleFlight<Key, T> {
  readonly #flights = new Map<Key, Flight<T>>();

  /**
   * Joins the run for `key` under way, or starts one. A caller whose signal aborts leaves at once; the run itself is
   * aborted when its last caller has left. All callers get the same result or the same error.
   */
  async run(key: Key, signal: AbortSignal, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    signal.throwIfAborted();
    const flight = this.#flights.get(key) ?? this.#start(key, work);
    flight.waiting++;
    const { promise: left, reject } = Promise.withResolvers<never>();
    const onAbort = (): void => reject(signal.reason);
    signal.addEventListener('abort', onAbort, { once: true });
    try {
      return await Promise.race([flight.result, left]);
    } finally {
      signal.removeEventListener('abort', onAbort);
      flight.waiting--;
      if (flight.waiting === 0 && this.#flights.get(key) === flight) {
        // Still running and nobody wants it; a newcomer must not join a run that is being given up.
        this.#forget(key, flight);
        flight.abort.abort(signal.reason);
      }
    }
  }

  #start(key: Key, work: (signal: AbortSignal) => Promise<T>): Flight<T> {
    const abort = new AbortController();
    const result = Promise.resolve().then(() => work(abort.signal));
    const flight: Flight<T> = { result, abort, waiting: 0 };
    this.#flights.set(key, flight);
    const forget = (): void => this.#forget(key, flight);
    result.then(forget, forget);
    return flight;
  }

  #forget(key: Key, flight: Flight<T>): void {
    if (this.#flights.get(key) === flight) this.#flights.delete(key);
  }
}
