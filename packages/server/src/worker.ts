import { flushCompileCache } from 'node:module';
import { type FromWorker, type ToWorker, toPlainError } from './cluster/messages.ts';
import { endWithParent } from './cluster/parent-watch.ts';
import { DRAIN_DEADLINE_MS, onStopSignal } from './cluster/stop-signals.ts';
import type { App } from './compose.ts';
import type { Config } from './config/config.ts';
import { type OpenLog, openLog } from './log/logger.ts';
import { failStop, failUncaught } from './process-failure.ts';

/** What the main process gives each worker. */
export interface WorkerSetup {
  readonly config: Config;
  /** Of the server as a whole, not of the worker. */
  readonly serverStartedAtMs: number;
}

/** One of the equal processes that serve requests; started by serve.ts through node:cluster. */
class ServingWorker {
  #openLog: OpenLog | undefined;
  #app: Promise<App> | undefined;
  #isStopping = false;

  receive(message: ToWorker<WorkerSetup>): void {
    if (message.type === 'stop') void this.stop();
    else void this.#start(message);
  }

  async stop(): Promise<void> {
    if (this.#isStopping) return;
    this.#isStopping = true;
    try {
      await (await this.#app)?.close({ deadlineMs: DRAIN_DEADLINE_MS });
      this.#exit(0);
    } catch (error) {
      this.#openLog?.log.error({ err: error }, 'worker did not stop cleanly');
      this.#exit(1);
    }
  }

  async #start({
    setup: { config, serverStartedAtMs },
    workerId,
    port,
  }: Extract<ToWorker<WorkerSetup>, { type: 'start' }>): Promise<void> {
    try {
      const opened = openLog(config.log, { worker: workerId });
      this.#openLog = opened;
      const { log } = opened;
      failUncaught(log);
      const { compose } = await import('./compose.ts');
      this.#app = compose(config, {
        log,
        workerId: `worker-${workerId}`,
        onFatal: failStop(log),
        serverStartedAtMs,
      });
      const app = await this.#app;
      if (this.#isStopping) return;
      const address = await app.listen(port);
      tell({ type: 'ready', port: address.port });
      // Not left to the exit, which a killed worker never comes to.
      flushCompileCache();
    } catch (error) {
      if (this.#isStopping) return;
      tell({ type: 'failed', error: toPlainError(error) }, () => this.#exit(1));
    }
  }

  #exit(code: number): void {
    this.#openLog?.flush();
    process.exit(code);
  }
}

function tell(message: FromWorker, done: () => void = () => {}): void {
  process.send?.(message, undefined, undefined, done);
}

endWithParent();
const worker = new ServingWorker();
// A terminal and most supervisors signal the whole group: everybody stops, and the main process hears of it too.
onStopSignal(() => void worker.stop());
process.on('message', (message: ToWorker<WorkerSetup>) => worker.receive(message));
tell({ type: 'loaded' });
