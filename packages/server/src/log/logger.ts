import pino, { type Bindings, type Logger } from 'pino';
import { openLogFile } from './log-file.ts';

export type LogLevel = 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal';

export interface LogConfig {
  readonly level: LogLevel;
  /** Absolute path of a file that is appended to (`/dev/stdout` is one); undefined is standard error. */
  readonly output?: string;
  /** Absolute path of a file to which a line is appended for each change a client made. */
  readonly audit?: string;
}

export interface OpenLog {
  readonly log: Logger;
  /** Writes out what is buffered, synchronously; call it last before the process ends. Never throws. */
  flush(): void;
}

/** Lines beyond this wait are dropped rather than kept: a disk that does not take the log must not eat the memory. */
const MAX_BUFFERED_BYTES = 8 * 1024 * 1024;
/** Each write wakes a thread, which costs more than the line; more at once than this the library does not write. */
const FLUSH_AT_BYTES = 15 * 1024;
const FLUSH_EVERY_MS = 100;
const STANDARD_ERROR = 2;

/** What carries secrets in the objects we log; a net under the rule that secrets are not logged at all. */
const SECRET_PATHS = [
  'password',
  'rootPassword',
  'access.rootPassword',
  'config.access.rootPassword',
  'authorization',
  'headers.authorization',
  'headers.cookie',
  'head.headers.authorization',
  'head.headers.cookie',
];

/**
 * A logger that writes JSON lines to a file or to standard error (standard output is left to the readiness line and to
 * reports), buffered for a tenth of a second at most. `bindings` go into every line. Several processes may append to
 * one file. Throws `unavailable` when the file cannot be opened; later write errors, a full disk among them, lose log
 * lines and nothing else.
 */
export function openLog(config: LogConfig, bindings: Bindings = {}): OpenLog {
  const destination = pino.destination({
    dest: config.output === undefined ? STANDARD_ERROR : openLogFile(config.output),
    sync: false,
    minLength: FLUSH_AT_BYTES,
    maxLength: MAX_BUFFERED_BYTES,
    periodicFlush: FLUSH_EVERY_MS,
  });
  destination.on('error', () => {});
  const log = pino(
    {
      level: config.level,
      base: { pid: process.pid, ...bindings },
      timestamp: isoTime(),
      formatters: { level: (label) => ({ level: label }) },
      serializers: { err: pino.stdSerializers.errWithCause },
      redact: { paths: SECRET_PATHS, censor: '[redacted]' },
    },
    destination,
  );
  return { log, flush: () => flushQuietly(destination) };
}

/** The time of a line as pino writes it; made once a millisecond, in which a busy server logs many lines. */
function isoTime(): () => string {
  let atMs = 0;
  let text = '';
  return () => {
    const nowMs = Date.now();
    if (nowMs !== atMs) {
      atMs = nowMs;
      text = `,"time":"${new Date(nowMs).toISOString()}"`;
    }
    return text;
  };
}

function flushQuietly(destination: { flushSync(): void }): void {
  try {
    destination.flushSync();
  } catch {
    // There is nowhere left to say it.
  }
}
