import { performance } from 'node:perf_hooks';
import type { ErrorKind } from '@zot-artifact-store/spec';
import type { Principal } from '../extension/access.ts';
import type { Exchange } from './exchange.ts';

const MAX_PATH_LENGTH = 512;
const MAX_USER_AGENT_LENGTH = 256;

/** nginx's number for a client that left before its answer; never on the wire. */
export const STATUS_CLIENT_GONE = 499;

/** What is known of a request once it is over: for the access log, metrics and audit. Holds no header but User-Agent. */
export interface RequestRecord {
  readonly id: string;
  readonly method: string;
  /** Raw, without the query, cut to a bound. */
  readonly path: string;
  readonly protocol: string | undefined;
  readonly operation: string | undefined;
  readonly status: number;
  readonly durationMs: number;
  /** Bytes of the bodies. */
  readonly bytesIn: number;
  readonly bytesOut: number;
  readonly principal: Principal;
  readonly remoteAddress: string;
  readonly userAgent: string | undefined;
  readonly errorKind: ErrorKind | undefined;
  /** Which rule refused, when one did. */
  readonly reason: string | undefined;
  /** The client left early, or the response had to be cut. */
  readonly isCut: boolean;
}

export interface Outcome {
  readonly status: number;
  readonly bytesOut: number;
  readonly errorKind: ErrorKind | undefined;
  readonly reason: string | undefined;
  readonly isCut: boolean;
}

export function makeRecord(exchange: Exchange, outcome: Outcome): RequestRecord {
  const { head } = exchange;
  return {
    id: head.id,
    method: head.method,
    path: head.path.length > MAX_PATH_LENGTH ? head.path.slice(0, MAX_PATH_LENGTH) : head.path,
    protocol: exchange.protocol?.name,
    operation: exchange.operation?.name,
    status: outcome.status,
    durationMs: Math.round((performance.now() - exchange.startedAt) * 1000) / 1000,
    bytesIn: exchange.receivedBytes,
    bytesOut: outcome.bytesOut,
    principal: exchange.principal,
    remoteAddress: head.remoteAddress,
    userAgent: boundedHeader(head.headers['user-agent']),
    errorKind: outcome.errorKind,
    reason: outcome.reason,
    isCut: outcome.isCut,
  };
}

/** The fields of the access log line. */
export function logFields(record: RequestRecord): Record<string, unknown> {
  const { principal } = record;
  return {
    id: record.id,
    method: record.method,
    path: record.path,
    operation: record.operation,
    status: record.status,
    durationMs: record.durationMs,
    bytesIn: record.bytesIn,
    bytesOut: record.bytesOut,
    user: principal.kind === 'user' ? principal.name : undefined,
    accessKeyId: principal.kind === 'user' ? principal.accessKeyId : undefined,
    remoteAddress: record.remoteAddress,
    userAgent: record.userAgent,
    error: record.errorKind,
    reason: record.reason,
    cut: record.isCut ? true : undefined,
  };
}

function boundedHeader(value: string | string[] | undefined): string | undefined {
  return typeof value === 'string' ? value.slice(0, MAX_USER_AGENT_LENGTH) : undefined;
}
