import type { StoreError } from '@zot-artifact-store/spec';
import type { Logger } from 'pino';

/** The status of a process that ended because a disk cannot be trusted any more. */
export const EXIT_STORAGE_FAILED = 70;

/**
 * For drivers to call when an fsync or a commit failed: a second try would lie, so nothing more is acknowledged. The
 * log is written out by the exit itself.
 */
export function failStop(log: Logger): (error: StoreError) => void {
  return (error) => {
    log.fatal(
      { err: error },
      'storage failed; the server ends so that nothing is acknowledged that may be lost',
    );
    process.exit(EXIT_STORAGE_FAILED);
  };
}

/** A bug nobody caught leaves the process in a state nobody knows: log it and end. Returns how to undo it. */
export function failUncaught(log: Logger): () => void {
  const listener = (error: unknown): void => {
    log.fatal({ err: error }, 'uncaught error; the process ends');
    process.exit(1);
  };
  process.on('uncaughtException', listener);
  process.on('unhandledRejection', listener);
  return () => {
    process.off('uncaughtException', listener);
    process.off('unhandledRejection', listener);
  };
}
