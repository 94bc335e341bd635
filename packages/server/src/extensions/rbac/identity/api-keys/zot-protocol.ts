import { StoreError } from '@zot-artifact-store/spec';
import { z } from 'zod';
import type { Operation, Protocol, Reply, RequestContext } from '../../../../http/protocol.ts';
import { zotAuthError } from '../zot-auth-error.ts';
import type { ApiKey, ApiKeys } from './api-keys.ts';
import { assertMayMakeKeys } from './may-make-keys.ts';

export const API_KEY_PATH = '/zot/auth/apikey';
/** As zot. */
const MAX_BODY_BYTES = 8 * 1024;
const MAX_KEYS = 1000;
/** How zot writes "never". */
const NEVER = '0001-01-01T00:00:00Z';

const wanted = z.object({
  label: z.string().default(''),
  scopes: z.array(z.string()).nullish(),
  expirationDate: z.union([z.literal(''), z.iso.datetime({ offset: true })]).default(''),
});

interface ApiKeyOperation extends Operation {
  readonly method: 'GET' | 'POST' | 'DELETE';
  readonly query: string;
}

const NAMES = { GET: 'auth.ListApiKeys', POST: 'auth.CreateApiKey', DELETE: 'auth.DeleteApiKey' } as const;

/** zot's API keys: those of the caller, in zot's own shape. What its `scopes` say is enforced here. */
export function zotApiKeyProtocol(keys: ApiKeys, clock: { now(): number }): Protocol<ApiKeyOperation> {
  return {
    name: 'zot-apikey',
    claims: ({ path }) => path === API_KEY_PATH,
    classify({ method, query }) {
      if (method !== 'GET' && method !== 'POST' && method !== 'DELETE') {
        throw new StoreError('method-not-allowed', 'API keys are listed, made and deleted here', {
          headers: { allow: 'GET, POST, DELETE' },
        });
      }
      return { name: NAMES[method], permissions: [], method, query };
    },
    async run({ method, query }, context): Promise<Reply> {
      if (context.principal.kind === 'anonymous') {
        throw new StoreError('unauthenticated', 'API keys need a login');
      }
      const owner = context.principal.name;
      if (method === 'GET') {
        const list = await keys.list({ owner, limit: MAX_KEYS });
        return json(200, { apiKeys: list.map((key) => shown(key, clock.now())) });
      }
      assertMayMakeKeys(context.principal);
      if (method === 'DELETE') {
        const ids = new URLSearchParams(query).getAll('id');
        const [id] = ids;
        if (id === undefined || ids.length > 1) {
          throw new StoreError('argument-invalid', 'say which key with ?id=, once');
        }
        await keys.delete(owner, id);
        context.note({ event: 'key', apiKey: id });
        return json(200, {});
      }
      const { key, secret } = await keys.create(await readWanted(context, owner));
      context.note({ event: 'key', apiKey: key.id });
      return json(201, { ...shown(key, clock.now()), apiKey: secret });
    },
    renderError: zotAuthError,
  };
}

async function readWanted({ body, head }: RequestContext, owner: string) {
  const text = (await body.collect(MAX_BODY_BYTES)).toString('utf8');
  const parsed = wanted.safeParse(parseJson(text));
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw new StoreError(
      'argument-invalid',
      `${issue?.path.join('.') || 'the body'}: ${issue?.message ?? ''}`,
    );
  }
  const { label, scopes, expirationDate } = parsed.data;
  const agent = head.headers['user-agent'];
  return {
    owner,
    label,
    scopes: scopes ?? [],
    networks: [],
    creatorAgent: typeof agent === 'string' ? agent : '',
    expiresAtMs: expirationDate === '' ? undefined : Date.parse(expirationDate),
  };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new StoreError('request-invalid', 'the body is not JSON');
  }
}

function shown(key: ApiKey, nowMs: number) {
  const time = (ms: number | undefined): string => (ms === undefined ? NEVER : new Date(ms).toISOString());
  return {
    createdAt: time(key.createdAtMs),
    expirationDate: time(key.expiresAtMs),
    isExpired: key.expiresAtMs !== undefined && key.expiresAtMs <= nowMs,
    creatorUa: key.creatorAgent,
    generatedBy: 'manual',
    lastUsed: time(key.lastUsedAtMs),
    label: key.label,
    scopes: key.scopes,
    uuid: key.id,
  };
}

function json(status: number, value: unknown): Reply {
  return {
    status,
    headers: { 'content-type': 'application/json', 'cache-control': 'no-store' },
    body: `${JSON.stringify(value)}\n`,
  };
}
