import { createPublicKey, type KeyObject, X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { StoreError } from '@zot-artifact-store/spec';
import type { JWTPayload } from 'jose';
import { z } from 'zod';
import type { Permission } from '../../../../extension/access.ts';
import type {
  Authentication,
  Authenticator,
  Authorization,
  Authorizer,
} from '../../../../extension/contract.ts';
import type { Operation, RequestHead } from '../../../../http/protocol.ts';
import type { UserDirectory } from '../users/user-directory.ts';
import type { TokenTroubles } from './authenticator.ts';
import { areCovered, type Grant, limitOfGrants, parseScopes } from './grants.ts';

/** zot's `http.auth.bearer`: where clients get tokens, what these call this registry, and who signs them. */
export interface TokenServerOptions {
  readonly realm: string;
  readonly service: string;
  /** A PEM file with a certificate or a public key. */
  readonly certPath: string;
}

export interface TokenServerDeps {
  readonly options: TokenServerOptions;
  readonly key: KeyObject;
  readonly clock: { now(): number };
  readonly directory: Pick<UserDirectory, 'admit'>;
  readonly troubles: TokenTroubles;
}

/** As zot; no `none`, and nothing symmetric. */
const ALGORITHMS = [
  ...['EdDSA', 'Ed25519', 'RS256', 'RS384', 'RS512'],
  ...['ES256', 'ES384', 'ES512', 'PS256', 'PS384', 'PS512'],
];
const MAX_TOKEN_CHARS = 16_384;
const LEEWAY_SECONDS = 30;
const MAX_ACCESS = 200;
/** How the principals of such tokens are told apart. */
const VIA = 'token-server';
/** A name nobody can have, for tokens that name nobody. */
const NOBODY = 'token-server:anonymous';
const BEARER = /^bearer +(\S+) *$/i;

const access = z.array(
  z.object({
    type: z.string(),
    name: z.string(),
    actions: z.array(z.string()).nullish(),
    exp: z.number().optional(),
  }),
);

/** The key of a PEM file, of a certificate or by itself. Throws `unavailable`. */
export async function readVerificationKey(path: string): Promise<KeyObject> {
  try {
    const pem = await readFile(path, 'utf8');
    return pem.includes('BEGIN CERTIFICATE') ? new X509Certificate(pem).publicKey : createPublicKey(pem);
  } catch (cause) {
    throw new StoreError('unavailable', `The key of the token server cannot be read from ${path}.`, {
      cause,
    });
  }
}

/**
 * Tokens of a token server of registries (distribution: token authentication): what their `access` names is allowed, and
 * nothing else. zot takes a token for any registry; here its audience must be this one.
 */
export class TokenServer implements Authenticator, Authorizer {
  readonly #deps: TokenServerDeps;
  /** What the token a request came with allows. */
  readonly #grants = new WeakMap<RequestHead, readonly Grant[]>();

  constructor(deps: TokenServerDeps) {
    this.#deps = deps;
  }

  async authenticate(head: RequestHead, operation: Operation): Promise<Authentication> {
    const header = head.headers.authorization;
    const token = typeof header === 'string' ? BEARER.exec(header)?.[1] : undefined;
    if (token === undefined || token.split('.').length !== 3 || token.length > MAX_TOKEN_CHARS) {
      return { outcome: 'abstain' };
    }
    const payload = await this.#verify(token);
    // It may be a token of an issuer, whom others know.
    if (payload === undefined) return { outcome: 'abstain' };
    const grants = this.#grantsOf(payload);
    if (!areCovered(operation.permissions.filter(isOfRegistry), grants)) {
      this.#deps.troubles.set(head, 'insufficient_scope');
      return {
        outcome: 'refuse',
        message: 'The token does not name this; get one with the scope of the challenge.',
      };
    }
    this.#grants.set(head, grants);
    const { sub = '', iss = '' } = payload;
    const user =
      sub === ''
        ? { name: NOBODY, groups: [] }
        : await this.#deps.directory.admit({
            wantedName: sub,
            source: VIA,
            subject: { issuer: `token-server ${iss}`, id: sub },
          });
    const isListing = operation.name === 'oci.ListRepositories';
    return {
      outcome: 'principal',
      principal: {
        kind: 'user',
        ...user,
        via: VIA,
        isRoot: false,
        limits: [{ name: 'token of the token server', document: limitOfGrants(grants, { isListing }) }],
      },
    };
  }

  /** Allows what the token of the request names; others may still deny it. */
  authorize(...[principal, permission, head]: Parameters<Authorizer['authorize']>): Authorization {
    if (principal.kind !== 'user' || principal.via !== VIA) return { effect: 'abstain' };
    const grants = this.#grants.get(head) ?? [];
    const mayList = grants.some(({ type }) => type === 'registry') && permission.action === 'oci:Pull';
    return areCovered([permission], grants) || (mayList && head.path === '/v2/_catalog')
      ? { effect: 'allow', reason: 'the token of the token server names it' }
      : { effect: 'abstain' };
  }

  async #verify(token: string): Promise<JWTPayload | undefined> {
    const { key, options, clock } = this.#deps;
    const { errors, jwtVerify } = await import('jose');
    try {
      const { payload } = await jwtVerify(token, key, {
        algorithms: ALGORITHMS,
        audience: options.service,
        clockTolerance: LEEWAY_SECONDS,
        currentDate: new Date(clock.now()),
        requiredClaims: ['exp'],
      });
      return payload;
    } catch (error) {
      if (
        error instanceof errors.JWSSignatureVerificationFailed ||
        error instanceof errors.JOSEAlgNotAllowed
      ) {
        return undefined;
      }
      if (error instanceof errors.JWTExpired || error instanceof errors.JWTClaimValidationFailed) {
        throw new StoreError('unauthenticated', 'The token has expired or is not for this registry.');
      }
      // A key of another kind than the token's, and whatever is no token.
      if (error instanceof errors.JOSEError || error instanceof TypeError) return undefined;
      throw error;
    }
  }

  #grantsOf({ access: claim }: JWTPayload): readonly Grant[] {
    const parsed = access.safeParse(claim ?? []);
    if (!parsed.success) return [];
    const now = this.#deps.clock.now() / 1000;
    const scopes = parsed.data
      .slice(0, MAX_ACCESS)
      .filter(({ exp }) => exp === undefined || exp > now)
      .map(({ type, name, actions }) => `${type}:${name}:${(actions ?? []).join(',')}`)
      // A space would make two scopes of one.
      .filter((scope) => !scope.includes(' '));
    return parseScopes(scopes);
  }
}

function isOfRegistry({ action }: Permission): boolean {
  return action.startsWith('oci:');
}
