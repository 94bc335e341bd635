import { StoreError } from '@zot-artifact-store/spec';
import { z } from 'zod';
import { API_PREFIX } from '../../api/route-table.ts';
import { type AskedOf, readAnswer } from './api-answer.ts';

export interface ApiRequest {
  readonly method?: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** Below `/-/api/v1`; made with `apiPath` when it has names in it. */
  readonly path: string;
  /** Those that are undefined are left out. */
  readonly query?: Readonly<Record<string, string | number | boolean | undefined>>;
  readonly body?: unknown;
}

/** The management API of a server. Every call throws a StoreError with a sentence for people when it fails. */
export interface ApiClient {
  readonly serverUrl: string;
  /** Parses the answer with `schema`, which should pass over keys it does not know: a newer server has more. */
  call<Schema extends z.ZodType>(schema: Schema, request: ApiRequest): Promise<z.output<Schema>>;
  /** All items of a list, page by page; `query.limit` is the size of a page. */
  items<Item extends z.ZodType>(item: Item, request: ApiRequest): AsyncIterable<z.output<Item>>;
}

export interface ApiClientOptions {
  /** As `serverUrl` gives it. */
  readonly serverUrl: string;
  /** The `Authorization` to send; asked before each request. */
  authorization(): Promise<string | undefined>;
  readonly signal?: AbortSignal;
}

/** For what is answered with 204. */
export const NOTHING = z.undefined();

const ANSWER_WITHIN_MS = 60_000;

/** A path with what is put into it percent-encoded: apiPath`/users/${name}`. */
export function apiPath(texts: TemplateStringsArray, ...values: readonly string[]): string {
  return texts.reduce((path, text, index) => `${path}${encodeURIComponent(values[index - 1] ?? '')}${text}`);
}

export function createApiClient({ serverUrl, authorization, signal }: ApiClientOptions): ApiClient {
  const send = async ({ method = 'GET', path, query, body }: ApiRequest): Promise<unknown> => {
    const login = await authorization();
    const asked: AskedOf = { serverUrl, what: `${method} ${path}`, isLoggedIn: login !== undefined };
    const deadline = AbortSignal.timeout(ANSWER_WITHIN_MS);
    try {
      const response = await fetch(`${serverUrl}${API_PREFIX}${path}${queryString(query)}`, {
        method,
        // Credentials go to the server that was named and nowhere else.
        redirect: 'manual',
        signal: signal === undefined ? deadline : AbortSignal.any([signal, deadline]),
        headers: {
          accept: 'application/json',
          ...(login !== undefined && { authorization: login }),
          ...(body !== undefined && { 'content-type': 'application/json' }),
        },
        ...(body !== undefined && { body: JSON.stringify(body) }),
      });
      return await readAnswer(response, asked);
    } catch (error) {
      throw error instanceof StoreError ? error : noAnswer(error, serverUrl);
    }
  };

  const call: ApiClient['call'] = async (schema, request) => {
    const parsed = schema.safeParse(await send(request));
    if (parsed.success) return parsed.data;
    const place = parsed.error.issues[0]?.path.join('.') || 'the whole';
    throw new StoreError(
      'unavailable',
      `${serverUrl} answers what this zas does not understand (${place}); it may be of another version.`,
    );
  };

  return {
    serverUrl,
    call,
    async *items(item, request) {
      const page = z.object({ items: z.array(item), next: z.string().optional() });
      let after: string | undefined;
      do {
        const { items, next } = await call(page, {
          ...request,
          query: { ...request.query, ...(after && { after }) },
        });
        yield* items;
        after = next;
      } while (after !== undefined);
    },
  };
}

function queryString(query: ApiRequest['query'] = {}): string {
  const pairs = Object.entries(query).flatMap(([name, value]): [string, string][] =>
    value === undefined ? [] : [[name, String(value)]],
  );
  return pairs.length === 0 ? '' : `?${new URLSearchParams(pairs)}`;
}

function noAnswer(error: unknown, serverUrl: string): StoreError {
  const code = codeOf(error);
  return new StoreError('unavailable', sentence(code, error, serverUrl), { cause: error });
}

function sentence(code: string | undefined, error: unknown, serverUrl: string): string {
  if (code === 'ECONNREFUSED') {
    return `Nothing answers at ${serverUrl}; start a server there, or name another with --server or ZAS_SERVER.`;
  }
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') return `The name of ${serverUrl} is not known.`;
  if (code !== undefined && /CERT|SIGNATURE|SELF_SIGNED|ISSUER/.test(code)) {
    return `The certificate of ${serverUrl} is not trusted (${code}); name its authority with --ca or ZAS_CA_FILE.`;
  }
  if (error instanceof Error && error.name === 'TimeoutError') {
    return `${serverUrl} did not answer within ${ANSWER_WITHIN_MS / 1000} seconds.`;
  }
  if (error instanceof Error && error.name === 'AbortError') return 'Ended before it was done.';
  return `The connection to ${serverUrl} failed (${code ?? 'no reason is known'}).`;
}

/** fetch wraps what happened once or twice; the innermost code says it. */
function codeOf(error: unknown): string | undefined {
  let code: string | undefined;
  for (let current = error, depth = 0; current instanceof Error && depth < 5; depth += 1) {
    if ('code' in current && typeof current.code === 'string') code = current.code;
    current = current.cause;
  }
  return code;
}
