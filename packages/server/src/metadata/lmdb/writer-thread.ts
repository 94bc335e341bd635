import { type MessagePort, parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads';
import { applyBatch, type Outcome } from './apply-batch.ts';
import { type DecodedCommit, decodeCommit } from './commit-frame.ts';
import { type EnvironmentOptions, openEnvironment } from './environment.ts';
import { Headroom } from './headroom.ts';

/** Main to writer: a commit frame, or the wish to stop. */
export type ToWriter = Uint8Array | 'close';

/** Writer to main: pairs of commit id and outcome, in the order they were applied; or why the writer stopped. */
export type FromWriter =
  | { readonly kind: 'ready' }
  | { readonly kind: 'done'; readonly results: readonly (readonly [id: number, outcome: Outcome])[] }
  | { readonly kind: 'fatal'; readonly message: string };

/** Bounds how long a transaction holds the lock that all processes share. */
const MAX_BATCH_COMMITS = 512;
const MAX_BATCH_CHANGES = 2_048;

/**
 * The one thread of this process that writes. It takes every commit that is waiting into one transaction (group
 * commit: one sync for all), and answers when that is on disk. Any error in a transaction ends the thread: after a
 * failed sync the state of the disk is unknown, and a second try would lie.
 */
function serve(port: MessagePort, options: EnvironmentOptions): void {
  const db = openEnvironment(options);
  const headroom = new Headroom(db, options.path);

  const run = (commits: readonly DecodedCommit[]): void => {
    const changes = commits.reduce((sum, commit) => sum + countChanges(commit), 0);
    let outcomes: readonly Outcome[] = [];
    db.transactionSync(() => {
      const hasRoom = changes === 0 || headroom.ensure(changes);
      let reserved = hasRoom ? 0 : headroom.changesInReserve();
      outcomes = applyBatch(db, commits, {
        mayPut(commit) {
          if (hasRoom) return true;
          if (!commit.mayUseReserve) return false;
          reserved -= countChanges(commit);
          return reserved >= 0;
        },
      });
    });
    send(port, { kind: 'done', results: commits.map(({ id }, index) => [id, outcomes[index] ?? 0]) });
  };

  const stop = (): void => {
    port.close();
    headroom.close();
    void db.close();
  };

  port.on('message', (first: ToWriter) => {
    let message: ToWriter | undefined = first;
    const batch: DecodedCommit[] = [];
    let changes = 0;
    try {
      while (message !== undefined && message !== 'close') {
        const commit = decodeCommit(message);
        batch.push(commit);
        changes += countChanges(commit);
        if (batch.length >= MAX_BATCH_COMMITS || changes >= MAX_BATCH_CHANGES) break;
        message = receiveMessageOnPort(port)?.message;
      }
      if (batch.length > 0) run(batch);
    } catch (error) {
      send(port, { kind: 'fatal', message: error instanceof Error ? error.message : String(error) });
      port.close();
      return;
    }
    if (message === 'close') stop();
  });
  send(port, { kind: 'ready' });
}

function countChanges({ deletes, puts }: DecodedCommit): number {
  return deletes.length + puts.length;
}

function send(port: MessagePort, message: FromWriter): void {
  port.postMessage(message);
}

if (parentPort !== null) serve(parentPort, workerData);
