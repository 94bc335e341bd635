import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Job, LoadResult } from './job.ts';

const ENTRY = fileURLToPath(new URL('./load-process.ts', import.meta.url));

/** The other end of the load process. One job at a time. */
export class LoadGenerator {
  readonly #child: ChildProcess;

  constructor() {
    this.#child = fork(ENTRY, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
    this.#child.setMaxListeners(0);
  }

  /** Rejects when the load process fails; what the server does wrong is in the result. */
  run(job: Job): Promise<LoadResult> {
    const child = this.#child;
    return new Promise((resolve, reject) => {
      const onExit = (): void => reject(new Error('the load process ended'));
      child.once('exit', onExit);
      child.once('message', (answer: { result: LoadResult } | { error: string }) => {
        child.off('exit', onExit);
        if ('result' in answer) resolve(answer.result);
        else reject(new Error(`the load failed: ${answer.error}`));
      });
      child.send(job);
    });
  }

  close(): void {
    this.#child.removeAllListeners('exit');
    this.#child.kill();
  }
}
