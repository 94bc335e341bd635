import { constants } from 'node:os';

/** How long requests under way may take once the server is asked to stop. */
export const DRAIN_DEADLINE_MS = 30_000;

const STOP_SIGNALS = ['SIGTERM', 'SIGINT'] as const;

/** A terminal signals npm and the server, and npm passes its own on: what comes again so soon is the same wish. */
const SAME_WISH_MS = 500;

/**
 * Calls `stop` at the first SIGTERM or SIGINT. At the next, if it is not the same wish again, the process exits at
 * once, after `beforeExit`, with the status shells give to a process that ended by the signal. Returns how to stop
 * listening.
 */
export function onStopSignal(stop: (signal: string) => void, beforeExit: () => void = () => {}): () => void {
  let askedAtMs: number | undefined;
  const listener = (signal: NodeJS.Signals): void => {
    if (askedAtMs === undefined) {
      askedAtMs = performance.now();
      stop(signal);
    } else if (performance.now() - askedAtMs > SAME_WISH_MS) {
      beforeExit();
      process.exit(128 + constants.signals[signal]);
    }
  };
  for (const signal of STOP_SIGNALS) process.on(signal, listener);
  return () => {
    for (const signal of STOP_SIGNALS) process.off(signal, listener);
  };
}
