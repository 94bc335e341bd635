import { type ErrorKind, isStoreError, StoreError } from '@zot-artifact-store/spec';

/** Main process to worker. `setup` is what the worker was started for; the entry of the worker knows its type. */
export type ToWorker<Setup = unknown> =
  | {
      readonly type: 'start';
      readonly workerId: string;
      /** The port to listen on; 0 lets the system choose, the same one for all workers. */
      readonly port: number;
      readonly setup: Setup;
    }
  | { readonly type: 'stop' };

/** Worker to main process. */
export type FromWorker =
  | { readonly type: 'loaded' }
  | { readonly type: 'ready'; readonly port: number }
  /** It could not start, and ends now. */
  | { readonly type: 'failed'; readonly error: PlainError };

/** What of an error must survive the way between processes, so that the command line can put it into words. */
export interface PlainError {
  readonly message: string;
  readonly kind?: ErrorKind;
  readonly problems?: readonly string[];
  readonly system?: Readonly<Record<string, string | number>>;
}

const SYSTEM_FIELDS = ['code', 'syscall', 'address', 'port'] as const;
/** Node calls it `bind` when a worker asks the main process for the socket; people are told of listening. */
const BIND = 'bind';

export function toPlainError(error: unknown): PlainError {
  if (!(error instanceof Error)) return { message: String(error) };
  const system: Record<string, string | number> = {};
  for (const field of SYSTEM_FIELDS) {
    const value: unknown = Reflect.get(error, field);
    if (typeof value === 'string' || typeof value === 'number') system[field] = value;
  }
  if (system.syscall === BIND) system.syscall = 'listen';
  const problems: unknown = Reflect.get(error, 'problems');
  return {
    message: error.message,
    ...(isStoreError(error) ? { kind: error.kind } : {}),
    ...(Array.isArray(problems) ? { problems: problems.map(String) } : {}),
    ...(Object.keys(system).length > 0 ? { system } : {}),
  };
}

export function fromPlainError({ message, kind, problems, system }: PlainError): Error {
  const error = kind === undefined ? new Error(message) : new StoreError(kind, message);
  return Object.assign(error, system, problems === undefined ? {} : { problems });
}
