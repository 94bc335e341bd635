import type { FailStop } from './fail-stop.ts';
import type { FileSystem } from './file-system.ts';

interface FolderState {
  running: Promise<void>;
  /** Starts when `running` has ended; everybody who comes meanwhile joins it. */
  next: Promise<void> | undefined;
}

/**
 * Makes names in folders durable. One fsync covers every name that was there when it started, so callers who come
 * while one runs share the next: a folder has one running and one waiting at most, however many callers.
 */
export class FolderSync {
  readonly #fs: FileSystem;
  readonly #failStop: FailStop;
  readonly #folders = new Map<string, FolderState>();

  constructor(fs: FileSystem, failStop: FailStop) {
    this.#fs = fs;
    this.#failStop = failStop;
  }

  /** Resolves when all names created in `folder` before this call are durable. */
  sync(folder: string): Promise<void> {
    const state = this.#folders.get(folder);
    if (state === undefined) {
      const started: FolderState = { running: Promise.resolve(), next: undefined };
      this.#folders.set(folder, started);
      return this.#run(folder, started);
    }
    state.next ??= state.running.then(
      () => this.#run(folder, state),
      () => this.#run(folder, state),
    );
    return state.next;
  }

  #run(folder: string, state: FolderState): Promise<void> {
    state.next = undefined;
    const running = this.#failStop.vitalForAll('sync a folder', () => this.#fsync(folder));
    state.running = running;
    const ended = () => {
      if (state.running === running && state.next === undefined) this.#folders.delete(folder);
    };
    running.then(ended, ended);
    return running;
  }

  async #fsync(folder: string): Promise<void> {
    // A caller who joined an fsync after another failed must not be told that it worked.
    this.#failStop.check();
    const handle = await this.#fs.open(folder, 'r');
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
  }
}
