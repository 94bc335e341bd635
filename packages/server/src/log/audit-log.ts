import pino from 'pino';
import { openLogFile } from './log-file.ts';

/** A change that a client made. */
export interface AuditedChange {
  readonly requestId: string;
  readonly clientAddress: string;
  /** Undefined for a client without a login. */
  readonly user: string | undefined;
  readonly method: string;
  readonly path: string;
  readonly operation: string | undefined;
  readonly status: number;
}

export interface AuditLog {
  /** Appends one line, before it returns. A disk that does not take it loses the line and nothing else. */
  write(change: AuditedChange): void;
  close(): void;
}

/**
 * The changes clients made, one JSON line each with the keys of zot's audit log, appended to a file that several
 * processes may share. Throws `unavailable` when it cannot be opened.
 */
export function openAuditLog(path: string): AuditLog {
  const destination = pino.destination({ dest: openLogFile(path), sync: true });
  destination.on('error', () => {});
  const log = pino(
    {
      base: null,
      messageKey: 'message',
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    destination,
  );
  return {
    write: ({ requestId, clientAddress, user, method, path: object, operation, status }) => {
      const subject = user ?? 'anonymous';
      log.info(
        {
          component: 'session',
          clientIP: clientAddress,
          subject,
          action: method,
          object,
          status,
          operation,
          requestId,
        },
        'HTTP API Audit',
      );
    },
    close: () => destination.end(),
  };
}
