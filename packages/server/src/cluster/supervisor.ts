import cluster, { type Worker } from 'node:cluster';
import { StoreError } from '@zot-artifact-store/spec';
import type { Logger } from 'pino';
import { HandedConnections } from './handed-connections.ts';
import { type FromWorker, fromPlainError, type ToWorker } from './messages.ts';
import { RestartPolicy } from './restart-policy.ts';

export interface SupervisorOptions {
  readonly workers: number;
  /** The module every worker runs. */
  readonly entry: URL;
  /** Handed to every worker; survives JSON. */
  readonly setup: unknown;
  readonly port: number;
  readonly env: Readonly<Record<string, string>>;
  /** A worker that ends with this status takes all others with it. */
  readonly fatalExitCode: number;
  readonly log: Logger;
  readonly restarts?: RestartPolicy;
}

/** A worker ended with the fatal status: nothing that shares its disks may go on. */
export class FatalWorkerExit extends Error {
  override readonly name = 'FatalWorkerExit';
}

interface Member {
  readonly id: string;
  readonly worker: Worker;
  readonly handed: HandedConnections;
  isReady: boolean;
  failure: Error | undefined;
}

/** Keeps a number of equal worker processes alive. They share one listening socket, which this process hands out. */
export class Supervisor {
  readonly #options: SupervisorOptions;
  readonly #restarts: RestartPolicy;
  readonly #members = new Map<number, Member>();
  readonly #pauses = new Set<NodeJS.Timeout>();
  readonly #allReady = Promise.withResolvers<number>();
  readonly #ended = Promise.withResolvers<void>();
  #state: 'starting' | 'serving' | 'stopping' = 'starting';
  #failure: Error | undefined;
  /** What the workers that are alive asked for: one number for all, or each would get a socket of its own. */
  #askedPort: number;
  #realPort = 0;
  #onExit: (() => void) | undefined;

  constructor(options: SupervisorOptions) {
    this.#options = options;
    this.#restarts = options.restarts ?? new RestartPolicy();
    this.#askedPort = options.port;
    // Each is awaited somewhere; a failure must not count as unhandled before that.
    this.#allReady.promise.catch(() => {});
    this.#ended.promise.catch(() => {});
  }

  /** Resolves with the port once every worker serves; rejects with what kept one of them from it, all being gone. */
  start(): Promise<number> {
    cluster.setupPrimary({ exec: this.#options.entry.pathname, args: [] });
    // Should this process exit on its own account, nobody is left behind.
    this.#onExit = () => this.killAll();
    process.once('exit', this.#onExit);
    for (let index = 1; index <= this.#options.workers; index++) this.#fork(String(index));
    return this.#allReady.promise;
  }

  /** Resolves when the workers have stopped as they were asked to; rejects when the server had to end. */
  ended(): Promise<void> {
    return this.#ended.promise;
  }

  /** Asks every worker to finish; those still there at the deadline are killed. */
  stop(deadlineMs: number): void {
    if (this.#state === 'stopping') return;
    this.#state = 'stopping';
    for (const pause of this.#pauses) clearTimeout(pause);
    for (const { worker } of this.#members.values()) this.#send(worker, { type: 'stop' });
    setTimeout(() => {
      if (this.#members.size > 0) this.#options.log.warn('workers did not stop in time');
      this.killAll();
    }, deadlineMs).unref();
    this.#settleWhenEmpty();
  }

  killAll(): void {
    for (const { worker } of this.#members.values()) worker.process.kill('SIGKILL');
  }

  #fork(id: string): void {
    if (this.#members.size === 0 && this.#realPort > 0) this.#askedPort = this.#realPort;
    const worker = cluster.fork(this.#options.env);
    const handed = new HandedConnections(worker.process);
    const member: Member = { id, worker, handed, isReady: false, failure: undefined };
    this.#members.set(worker.id, member);
    worker.on('message', (message: FromWorker) => this.#onMessage(member, message));
    worker.on('error', (error) =>
      this.#options.log.warn({ worker: id, err: error }, 'worker channel failed'),
    );
    worker.on('exit', (code, signal) => this.#onExited(member, code, signal));
  }

  #onMessage(member: Member, message: FromWorker): void {
    switch (message.type) {
      case 'loaded': {
        const { setup } = this.#options;
        this.#send(member.worker, {
          type: 'start',
          workerId: member.id,
          port: this.#askedPort,
          setup,
        });
        if (this.#state === 'stopping') this.#send(member.worker, { type: 'stop' });
        return;
      }
      case 'ready':
        member.isReady = true;
        this.#realPort = message.port;
        if (this.#state === 'starting' && this.#countReady() === this.#options.workers) {
          this.#state = 'serving';
          this.#allReady.resolve(message.port);
        }
        return;
      case 'failed':
        member.failure = fromPlainError(message.error);
    }
  }

  #onExited(member: Member, code: number | null, signal: string | null): void {
    const { log, fatalExitCode } = this.#options;
    this.#members.delete(member.worker.id);
    member.handed.close();
    const how = signal === null ? `with status ${code}` : `by ${signal}`;
    if (code === fatalExitCode) {
      this.#fail(new FatalWorkerExit(`worker ${member.id} ended because a disk failed`));
    } else if (this.#state === 'starting') {
      this.#fail(member.failure ?? new Error(`worker ${member.id} ended ${how} before it served`));
    } else if (this.#state === 'serving') {
      log.error({ worker: member.id, code, signal, err: member.failure }, 'worker died');
      const decision = this.#restarts.onDeath(performance.now());
      if (decision.kind === 'give-up') {
        const problem = `workers keep dying (${decision.deaths} times in a short while, the last one ${how}); the log has the causes.`;
        this.#fail(new StoreError('unavailable', problem));
      } else {
        const pause = setTimeout(() => {
          this.#pauses.delete(pause);
          this.#fork(member.id);
        }, decision.pauseMs);
        this.#pauses.add(pause);
      }
    }
    this.#settleWhenEmpty();
  }

  #fail(error: Error): void {
    this.#failure ??= error;
    this.#state = 'stopping';
    for (const pause of this.#pauses) clearTimeout(pause);
    this.killAll();
  }

  #settleWhenEmpty(): void {
    if (this.#state !== 'stopping' || this.#members.size > 0) return;
    if (this.#onExit !== undefined) process.off('exit', this.#onExit);
    if (this.#failure === undefined) {
      this.#ended.resolve();
      this.#allReady.resolve(0);
    } else {
      this.#allReady.reject(this.#failure);
      this.#ended.reject(this.#failure);
    }
  }

  #countReady(): number {
    return [...this.#members.values()].filter(({ isReady }) => isReady).length;
  }

  /** A worker that is just dying cannot be told anything; its exit is what counts. */
  #send(worker: Worker, message: ToWorker): void {
    worker.send(message, () => {});
  }
}
