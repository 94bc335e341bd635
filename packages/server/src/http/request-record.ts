import { performance } from 'node:perf_hooks';
import type { ErrorKind } from '@zot-artifact-store/spec';
import type { RequestRecord } from '../extension/recorder.ts';
import { claimedName } from './claimed-name.ts';
import type { Exchange } from './exchange.ts';
import type { Reply, RequestHead } from './protocol.ts';

const MAX_PATH_LENGTH = 512;
const MAX_HEADER_LENGTH = 256;
const MAX_MESSAGE_LENGTH = 512;

/** nginx's number for a client that left before its answer; never on the wire. */
export const STATUS_CLIENT_GONE = 499;

export interface Outcome {
  readonly status: number;
  readonly bytesOut: number;
  readonly errorKind: ErrorKind | undefined;
  readonly errorMessage: string | undefined;
  readonly reason: string | undefined;
  /** Of the answer. */
  readonly headers: Reply['headers'];
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
    triedAs:
      outcome.errorKind !== undefined && exchange.principal.kind === 'anonymous'
        ? claimedName(head)
        : undefined,
    hasCredentials: hasCredentials(head),
    remoteAddress: head.remoteAddress,
    forwardedFor: boundedHeader(head.headers['x-forwarded-for']),
    userAgent: boundedHeader(head.headers['user-agent']),
    errorKind: outcome.errorKind,
    errorMessage: outcome.errorMessage?.slice(0, MAX_MESSAGE_LENGTH),
    reason: outcome.reason,
    judgements: exchange.judgements,
    notes: exchange.notes,
    digest: headerOf(outcome.headers, 'docker-content-digest'),
    versionId: headerOf(outcome.headers, 'x-amz-version-id'),
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
  return typeof value === 'string' ? value.slice(0, MAX_HEADER_LENGTH) : undefined;
}

function headerOf(headers: Reply['headers'], name: string): string | undefined {
  const value = headers[name];
  return typeof value === 'string' ? value : undefined;
}

/** Whether the request shows credentials; what they are worth is not asked. */
function hasCredentials({ headers, query, tls }: RequestHead): boolean {
  if (headers.authorization !== undefined || headers.cookie !== undefined) return true;
  if (tls?.clientCertificate !== undefined) return true;
  return /(?:^|&)(?:X-Amz-Signature|Signature)=/.test(query);
}
