import http from 'node:http';
import https from 'node:https';
import { StoreError } from '@zot-artifact-store/spec';

export interface IssuerFetchOptions {
  readonly issuer: string;
  /** Replaces the origin of every address of the issuer. */
  readonly internalUrl?: string | undefined;
  /** Authorities in PEM, instead of the system's. */
  readonly ca?: string | undefined;
}

export interface IssuerRequest {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly signal?: AbortSignal;
}

/** As `fetch`, to one issuer. */
export type IssuerFetch = (url: string, request?: IssuerRequest) => Promise<Response>;

const MAX_ANSWER_BYTES = 1024 * 1024;
const TIMEOUT_MS = 10_000;
const NO_BODY: ReadonlySet<number> = new Set([204, 205, 304]);

/**
 * Asks an issuer, and whom its documents name: never follows a redirect, never leaves TLS where the issuer is configured
 * with it, gives up after ten seconds and a megabyte. Throws `unavailable` when there is no answer.
 */
export function createIssuerFetch({ issuer, internalUrl, ca }: IssuerFetchOptions): IssuerFetch {
  const publicOrigin = new URL(issuer).origin;
  const mayBePlain = [issuer, internalUrl].some((url) => url?.startsWith('http:'));
  return async (url, request = {}) => {
    const target = new URL(url);
    if (internalUrl !== undefined && target.origin === publicOrigin) {
      const inside = new URL(internalUrl);
      target.protocol = inside.protocol;
      target.host = inside.host;
      if (inside.port === '') target.port = '';
    }
    if (target.protocol !== 'https:' && !(target.protocol === 'http:' && mayBePlain)) {
      throw new StoreError('unavailable', `the issuer ${issuer} names an address without TLS`);
    }
    try {
      return await send(target, request, ca);
    } catch (cause) {
      throw new StoreError('unavailable', `the issuer ${issuer} cannot be reached`, { cause });
    }
  };
}

function send(target: URL, request: IssuerRequest, ca: string | undefined): Promise<Response> {
  const { method = 'GET', headers = {}, body, signal } = request;
  const timeout = AbortSignal.timeout(TIMEOUT_MS);
  const { promise, resolve, reject } = Promise.withResolvers<Response>();
  const options = {
    method,
    headers: { accept: 'application/json', ...headers },
    signal: signal === undefined ? timeout : AbortSignal.any([signal, timeout]),
  };
  const sent =
    target.protocol === 'https:'
      ? https.request(target, ca === undefined ? options : { ...options, ca })
      : http.request(target, options);
  sent.on('error', reject);
  sent.on('response', (answer) => {
    collect(answer).then((bytes) => resolve(toResponse(answer, bytes)), reject);
  });
  sent.end(body);
  return promise;
}

async function collect(answer: http.IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let sizeBytes = 0;
  for await (const chunk of answer) {
    sizeBytes += chunk.length;
    if (sizeBytes > MAX_ANSWER_BYTES) throw new Error(`the answer is larger than ${MAX_ANSWER_BYTES} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function toResponse(answer: http.IncomingMessage, bytes: Buffer): Response {
  const status = answer.statusCode ?? 500;
  const headers = new Headers();
  for (let at = 0; at + 1 < answer.rawHeaders.length; at += 2) {
    headers.append(answer.rawHeaders[at] ?? '', answer.rawHeaders[at + 1] ?? '');
  }
  return new Response(NO_BODY.has(status) ? null : new Uint8Array(bytes), { status, headers });
}
