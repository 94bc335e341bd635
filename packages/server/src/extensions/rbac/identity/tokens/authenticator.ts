import type { Authentication, Authenticator } from '../../../../extension/contract.ts';
import type { Operation, RequestHead } from '../../../../http/protocol.ts';
import { areCovered, formatScope, grantsFor, limitOfGrants } from './grants.ts';
import type { PublicOrigin } from './public-url.ts';
import type { RegistryTokens } from './registry-tokens.ts';

export interface TokenAuthenticatorDeps {
  readonly tokens: RegistryTokens;
  readonly origin: PublicOrigin;
  /** Whether clients are sent to trade their credentials for tokens at all. */
  readonly isOffered: boolean;
  /** A token server outside, to which clients are sent instead. */
  readonly tokenServer?: { readonly realm: string; readonly service: string } | undefined;
  readonly troubles: TokenTroubles;
  clientAddress(head: RequestHead): string;
}

export const TOKEN_PATH = '/zot/auth/token';

/** What was wrong with the token a request came with, for its challenge. */
export type TokenTroubles = WeakMap<RequestHead, 'invalid_token' | 'insufficient_scope'>;

const BEARER = /^bearer +(\S+) *$/i;
const ABSTAIN: Authentication = { outcome: 'abstain' };

/**
 * Registry tokens of our own, and the challenge that asks for one: with the scope that the operation needs, so that a
 * client knows what to ask for (distribution: token authentication).
 */
export class TokenAuthenticator implements Authenticator {
  readonly #deps: TokenAuthenticatorDeps;

  constructor(deps: TokenAuthenticatorDeps) {
    this.#deps = deps;
  }

  /** Whether the challenge of an operation is to get a token. */
  challenges(head: RequestHead, operation: Operation | undefined): boolean {
    return this.challenge(head, operation) !== undefined;
  }

  challenge(head: RequestHead, operation: Operation | undefined): string | undefined {
    const { isOffered, origin, tokenServer } = this.#deps;
    if (!isOffered || operation === undefined || !isOci(operation)) return undefined;
    const server = tokenServer ?? ownServer(origin(head));
    if (server === undefined) return undefined;
    const scope = grantsFor(operation.permissions).map(formatScope).join(' ');
    const trouble = this.#deps.troubles.get(head);
    return [
      `Bearer realm="${server.realm}"`,
      `service="${server.service}"`,
      ...(scope === '' ? [] : [`scope="${scope}"`]),
      ...(trouble === undefined ? [] : [`error="${trouble}"`]),
    ].join(',');
  }

  async authenticate(head: RequestHead, operation: Operation): Promise<Authentication> {
    const header = head.headers.authorization;
    if (header === undefined && this.#mustAskForToken(head, operation)) {
      return refuse('Log in, or get a token without a login.');
    }
    const token = typeof header === 'string' ? BEARER.exec(header)?.[1] : undefined;
    if (token === undefined || !this.#deps.tokens.isOurs(token)) return ABSTAIN;
    if (!isOci(operation)) return refuse('A token of the registry is for the registry alone.');
    const opened = await this.#deps.tokens.open(token, this.#deps.clientAddress(head));
    if (opened === undefined) {
      this.#deps.troubles.set(head, 'invalid_token');
      return refuse('The token is wrong or has expired.');
    }
    const { principal, asked, id } = opened;
    if (!areCovered(operation.permissions, asked)) {
      this.#deps.troubles.set(head, 'insufficient_scope');
      return refuse('The token was not asked for this; ask for one with the scope of the challenge.');
    }
    if (principal.kind === 'anonymous') return { outcome: 'principal', principal };
    const isListing = operation.name === 'oci.ListRepositories';
    const limit = { name: `registry token ${id}`, document: limitOfGrants(asked, { isListing }) };
    return {
      outcome: 'principal',
      principal: {
        ...principal,
        credential: principal.credential ?? { kind: 'registry-token', id },
        limits: [...(principal.limits ?? []), limit],
      },
    };
  }

  /**
   * Clients look at the ping alone to find out whether there are logins at all, and some take 200 to a login for
   * success. With a challenge they get a token, those without a login too, as at every large registry.
   */
  #mustAskForToken(head: RequestHead, operation: Operation): boolean {
    return operation.name === 'oci.Ping' && head.method !== 'OPTIONS' && this.challenges(head, operation);
  }
}

function isOci({ name }: Operation): boolean {
  return name.startsWith('oci.');
}

function ownServer(
  origin: string | undefined,
): { readonly realm: string; readonly service: string } | undefined {
  if (origin === undefined) return undefined;
  return { realm: `${origin}${TOKEN_PATH}`, service: origin.replace(/^https?:\/\//, '') };
}

function refuse(message: string): Authentication {
  return { outcome: 'refuse', message };
}
