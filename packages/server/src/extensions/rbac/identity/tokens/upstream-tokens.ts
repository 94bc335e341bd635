import { StoreError } from '@zot-artifact-store/spec';
import type { Reply, RequestHead } from '../../../../http/protocol.ts';
import type { TokenRequest } from './token-request.ts';

/** zot's `http.auth.bearer.upstreamTokenEndpoint`. */
export interface UpstreamOptions {
  readonly realm: string;
  readonly service: string;
}

const TIMEOUT_MS = 10_000;
const MAX_ANSWER_BYTES = 256 * 1024;
/** What a client may want to know of an answer; nothing else is passed on. */
const PASSED_ON = ['content-type', 'retry-after', 'www-authenticate'] as const;

/**
 * Asks another token server for a token, with the credentials and scopes of the request, and passes on what it answers.
 * Redirects are not followed: they could lead the credentials anywhere. Throws `unavailable`.
 */
export async function askUpstream(
  request: TokenRequest,
  head: RequestHead,
  { options, signal }: { readonly options: UpstreamOptions; readonly signal: AbortSignal },
): Promise<Reply> {
  const { authorization } = head.headers;
  const headers = {
    accept: 'application/json',
    ...(typeof authorization === 'string' && { authorization }),
  };
  const fields = new URLSearchParams({ service: options.service });
  if (request.given.kind === 'none') for (const scope of request.scopes) fields.append('scope', scope);
  else fields.set('scope', request.scopes.join(' '));
  if (request.wantsRefresh) fields.set('offline_token', 'true');
  const url = new URL(options.realm);
  const init: RequestInit = {
    headers,
    redirect: 'error',
    signal: AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]),
  };
  if (request.given.kind === 'none') for (const [name, value] of fields) url.searchParams.append(name, value);
  else Object.assign(init, { method: 'POST', body: credentialFields(request.given, fields) });
  try {
    const answer = await fetch(url, init);
    const passed = PASSED_ON.flatMap((name) => {
      const value = answer.headers.get(name);
      return value === null ? [] : [[name, value] as const];
    });
    return {
      status: answer.status,
      headers: { ...Object.fromEntries(passed), 'cache-control': 'no-store' },
      body: await collect(answer),
    };
  } catch (cause) {
    throw new StoreError('unavailable', 'The token server behind this registry does not answer; try again.', {
      cause,
      retryAfterSeconds: 5,
    });
  }
}

function credentialFields(
  given: Exclude<TokenRequest['given'], { readonly kind: 'none' }>,
  fields: URLSearchParams,
): URLSearchParams {
  switch (given.kind) {
    case 'password':
      fields.set('grant_type', 'password');
      fields.set('username', given.user);
      fields.set('password', given.password);
      return fields;
    case 'refresh':
    case 'token':
      fields.set('grant_type', 'refresh_token');
      fields.set('refresh_token', given.token);
      return fields;
    default:
      return given satisfies never;
  }
}

async function collect(answer: Response): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of answer.body ?? []) {
    bytes += chunk.length;
    if (bytes > MAX_ANSWER_BYTES) throw new Error('the answer is too long');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
