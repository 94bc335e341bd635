import { constants } from 'node:os';

/** How long requests under way may take once the server is asked to stop. */
export const DRAIN_DEADLINE_MS = 30_000;

const STOP_SIGNALS = ['SIGTERM', 'SIGINT'] as const;

/**
 * Calls `stop` at the first SIGTERM or SIGINT. At the second the process exits at once, after `beforeExit`, with the
 * status shells give to a process that ended by the signal. Returns how to stop listening.
 */
export function onStopSignal(stop: (signal: string) => void, beforeExit: () => void = () => {}): () => void {
  let isStopping = false;
  const listener = (signal: NodeJS.Signals): void => {
    if (isStopping) {
      beforeExit();
      process.exit(128 + constants.signals[signal]);
    }
    isStopping = true;
    stop(signal);
  };
  for (const signal of STOP_SIGNALS) process.on(signal, listener);
  return () => {
    for (const signal of STOP_SIGNALS) process.off(signal, listener);
  };
}
