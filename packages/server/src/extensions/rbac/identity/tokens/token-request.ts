import { StoreError } from '@zot-artifact-store/spec';
import type { RequestContext } from '../../../../http/protocol.ts';

/** What a client asks of the token endpoint, by query (GET) or form (POST). */
export interface TokenRequest {
  readonly scopes: readonly string[];
  readonly service: string;
  /** Whether the client wants something it can keep instead of a password. */
  readonly wantsRefresh: boolean;
  /** Credentials in the form; those in the Authorization header are the pipeline's. */
  readonly given:
    | { readonly kind: 'none' }
    | { readonly kind: 'password'; readonly user: string; readonly password: string }
    | { readonly kind: 'refresh'; readonly token: string }
    /** A token of an issuer, in one of the fields zot takes it in. */
    | { readonly kind: 'token'; readonly token: string };
}

/** As zot. */
const MAX_FORM_BYTES = 64 * 1024;
const FORM = /^application\/x-www-form-urlencoded *(?:;|$)/i;
const TOKEN_FIELDS = ['id_token', 'access_token', 'refresh_token', 'token', 'password'] as const;
const MAX_FIELD_CHARS = 16_384;

export function readTokenQuery(query: string): TokenRequest {
  const fields = new URLSearchParams(query);
  return { ...common(fields), given: { kind: 'none' } };
}

/** Throws `media-type-unsupported`, `body-too-large`, `argument-invalid`. */
export async function readTokenForm({ head, body }: RequestContext): Promise<TokenRequest> {
  const type = head.headers['content-type'];
  const bytes = await body.collect(MAX_FORM_BYTES);
  if (bytes.length > 0 && (typeof type !== 'string' || !FORM.test(type))) {
    throw new StoreError('media-type-unsupported', 'send the form as application/x-www-form-urlencoded');
  }
  const fields = new URLSearchParams(bytes.toString('utf8'));
  const request = common(fields);
  const grant = fields.get('grant_type') ?? '';
  switch (grant) {
    case 'password': {
      const given = { user: required(fields, 'username'), password: required(fields, 'password') };
      return { ...request, given: { kind: 'password', ...given } };
    }
    case 'refresh_token':
      return { ...request, given: { kind: 'refresh', token: required(fields, 'refresh_token') } };
    case '': {
      const field = TOKEN_FIELDS.find((name) => fields.has(name));
      if (field === undefined) return { ...request, given: { kind: 'none' } };
      return { ...request, given: { kind: 'token', token: required(fields, field) } };
    }
    default:
      throw new StoreError('argument-invalid', 'grant_type is "password" or "refresh_token"');
  }
}

function common(fields: URLSearchParams): Omit<TokenRequest, 'given'> {
  return {
    scopes: fields.getAll('scope'),
    service: (fields.get('service') ?? '').slice(0, 300),
    wantsRefresh: fields.get('offline_token') === 'true' || fields.get('access_type') === 'offline',
  };
}

function required(fields: URLSearchParams, name: string): string {
  const values = fields.getAll(name);
  const [value = ''] = values;
  if (value !== '' && values.length === 1 && value.length <= MAX_FIELD_CHARS) return value;
  throw new StoreError('argument-invalid', `the form needs ${name}, once`);
}
