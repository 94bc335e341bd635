import { StoreError } from '@zot-artifact-store/spec';
import type { Principal, UserPrincipal } from '../../../../extension/access.ts';
import type { ExtensionHost } from '../../../../extension/contract.ts';
import type { Operation, Protocol, Reply, RequestContext, RequestHead } from '../../../../http/protocol.ts';
import { readCredentials } from '../credentials.ts';
import type { PasswordLogins } from '../password/password-logins.ts';
import { zotAuthError } from '../zot-auth-error.ts';
import { TOKEN_PATH } from './authenticator.ts';
import { type Grant, parseScopes, permissionsOf } from './grants.ts';
import type { RefreshTokens } from './refresh-tokens.ts';
import type { RegistryTokens } from './registry-tokens.ts';
import { readTokenForm, readTokenQuery, type TokenRequest } from './token-request.ts';
import { askUpstream, type UpstreamOptions } from './upstream-tokens.ts';

export interface TokenProtocolDeps {
  readonly tokens: RegistryTokens;
  readonly refreshTokens: RefreshTokens;
  readonly logins: Pick<PasswordLogins, 'verify' | 'knows'>;
  readonly decide: ExtensionHost['decide'];
  /** The user a token of an issuer stands for. Throws `unauthenticated`. */
  verifyToken(token: string): Promise<UserPrincipal>;
  clientAddress(head: RequestHead): string;
  /** Waits as long as a refusal is held back. */
  holdBack(): Promise<void>;
  /** Asked for whom this server does not know. */
  readonly upstream?: UpstreamOptions | undefined;
}

/** Of `TokenOperation`; with an upstream its Basic credentials are looked at here. */
export const TOKEN_OPERATION = 'auth.GetToken';

interface TokenOperation extends Operation {
  readonly method: 'GET' | 'POST';
  readonly query: string;
}

/**
 * Where clients of the registry trade credentials for a token: HTTP Basic, a form with a password or a refresh token, or
 * nothing at all for what everybody may do. (distribution: token authentication, and OAuth 2 tokens.)
 */
export function tokenProtocol(deps: TokenProtocolDeps): Protocol<TokenOperation> {
  return {
    name: 'token',
    claims: ({ path }) => path === TOKEN_PATH,
    classify({ method, query }) {
      if (method === 'GET' || method === 'POST') {
        return { name: TOKEN_OPERATION, permissions: [], method, query };
      }
      throw new StoreError('method-not-allowed', 'tokens come by GET and POST', {
        headers: { allow: 'GET, POST' },
      });
    },
    async run({ method, query }, context) {
      const request = method === 'GET' ? readTokenQuery(query) : await readTokenForm(context);
      const { upstream: options } = deps;
      if (options !== undefined && !(await isForUs(request, context, deps))) {
        return askUpstream(request, context.head, { options, signal: context.signal });
      }
      const principal = await principalOf(request, context, deps);
      if (principal.kind === 'user') {
        context.note({
          event: 'token',
          user: principal.name,
          scopes: request.scopes.join(' ').slice(0, 1000),
        });
      }
      return answer(request, principal, { context, deps });
    },
    renderError: zotAuthError,
  };
}

async function principalOf(
  { given }: TokenRequest,
  { principal, head }: RequestContext,
  deps: TokenProtocolDeps,
): Promise<Principal> {
  const basic = principal.kind === 'anonymous' ? readCredentials(head) : undefined;
  if (basic?.kind === 'malformed') {
    throw new StoreError('unauthenticated', 'The Authorization header cannot be read.');
  }
  const shown =
    given.kind === 'none' && basic?.kind === 'basic' ? { ...basic, kind: 'password' as const } : given;
  if (shown.kind === 'none') return principal;
  if (principal.kind !== 'anonymous' || (basic?.kind === 'basic' && given.kind !== 'none')) {
    throw new StoreError('argument-invalid', 'credentials came twice: in the header and in the form');
  }
  const address = deps.clientAddress(head);
  const found = await fromForm(shown, address, deps);
  if (found !== undefined) return found;
  await deps.holdBack();
  throw new StoreError('unauthenticated', 'The user name or the password is wrong.');
}

/** Whether the credentials are of somebody this server knows; nobody's are not. */
async function isForUs(
  { given }: TokenRequest,
  { principal, head }: RequestContext,
  { logins, refreshTokens }: TokenProtocolDeps,
): Promise<boolean> {
  if (principal.kind !== 'anonymous') return true;
  if (given.kind === 'refresh') return refreshTokens.isOurs(given.token);
  if (given.kind === 'token') return false;
  const shown = given.kind === 'none' ? readCredentials(head) : given;
  return 'user' in shown && logins.knows(shown.user, shown.password);
}

async function fromForm(
  given: Exclude<TokenRequest['given'], { readonly kind: 'none' }>,
  address: string,
  { logins, refreshTokens, verifyToken }: TokenProtocolDeps,
): Promise<UserPrincipal | undefined> {
  if (given.kind === 'password') {
    return looksLikeJwt(given.password)
      ? verifyToken(given.password)
      : logins.verify({ user: given.user, password: given.password, address });
  }
  const { token } = given;
  if (refreshTokens.isOurs(token)) return refreshTokens.open(token, address);
  return looksLikeJwt(token) ? verifyToken(token) : undefined;
}

async function answer(
  request: TokenRequest,
  principal: Principal,
  { context, deps }: { readonly context: RequestContext; readonly deps: TokenProtocolDeps },
): Promise<Reply> {
  const asked = parseScopes(request.scopes);
  const access = await grant(asked, principal, { head: context.head, decide: deps.decide });
  const { service } = request;
  const { token, expiresInSeconds, issuedAtMs } = await deps.tokens.issue(principal, {
    service,
    asked,
    access,
  });
  const refresh =
    request.given.kind === 'refresh'
      ? request.given.token
      : request.wantsRefresh && principal.kind === 'user'
        ? await deps.refreshTokens.issue(principal)
        : undefined;
  return {
    status: 200,
    headers: { 'content-type': 'application/json', 'cache-control': 'no-store' },
    body: `${JSON.stringify({
      token,
      access_token: token,
      expires_in: expiresInSeconds,
      issued_at: new Date(issuedAtMs).toISOString(),
      scope: access.map(({ type, name, actions }) => `${type}:${name}:${actions.join(',')}`).join(' '),
      ...(refresh !== undefined && { refresh_token: refresh }),
    })}\n`,
  };
}

/** What of `asked` is allowed now. The token is decided about again whenever it is used. */
async function grant(
  asked: readonly Grant[],
  principal: Principal,
  { head, decide }: { readonly head: RequestHead; readonly decide: ExtensionHost['decide'] },
): Promise<readonly Grant[]> {
  const granted: Grant[] = [];
  for (const one of asked) {
    if (one.type === 'registry') {
      const listing = { action: 'oci:ListRepositories', resource: 'repository:*' } as const;
      if ((await decide(principal, listing, head)).effect === 'allow') granted.push(one);
      continue;
    }
    const actions: string[] = [];
    for (const word of one.actions) {
      const decisions = await Promise.all(
        permissionsOf(one, word)
          // Whether a tag may be moved depends on the tag, which is not known yet.
          .filter(({ action }) => action !== 'oci:Tag')
          .map((permission) => decide(principal, permission, head)),
      );
      if (decisions.every(({ effect }) => effect === 'allow')) actions.push(word);
    }
    if (actions.length > 0) granted.push({ ...one, actions });
  }
  return granted;
}

function looksLikeJwt(text: string): boolean {
  return /^[\w-]+\.[\w-]+\.[\w-]+$/.test(text);
}
