import { deflateRawSync, inflateRawSync } from 'node:zlib';
import type { AccessLimit, UserPrincipal } from '../../../extension/access.ts';
import type { Identities } from '../../../extension/contract.ts';
import { newAccessKeyId, newSecretAccessKey } from '../auth/access-key-id.ts';
import type { AccessKeySource, SessionTokens, TemporaryCredential } from '../auth/credentials.ts';
import { openSealed, sealSecret } from '../auth/sealed-secret.ts';
import type { Revocations } from './revocations.ts';
import { StsError } from './sts-error.ts';

export interface SessionsDeps {
  /** 32 bytes that are not in the database: `host.deriveSecret(SESSION_PURPOSE)`. */
  readonly sealingKey: Uint8Array;
  readonly revocations: Revocations;
  readonly identities: Pick<Identities, 'userNamed'>;
  readonly keys: AccessKeySource;
  readonly root: { readonly user: string };
  readonly clock: { now(): number };
}

export interface NewSession {
  /** Whose rights the session has; its limits go on to count. */
  readonly principal: UserPrincipal;
  readonly role: string;
  readonly name: string;
  readonly limits: readonly AccessLimit[];
  readonly expiresAtMs: number;
}

/** What clients are given, once. */
export interface SessionCredentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken: string;
  readonly expiresAtMs: number;
}

export const SESSION_PURPOSE = 's3 sessions';

interface SealedSession {
  readonly secretAccessKey: string;
  readonly madeAtMs: number;
  readonly expiresAtMs: number;
  /** The lasting access key it comes from, where it comes from one. */
  readonly madeWith?: string;
  readonly role: string;
  readonly sessionName: string;
  readonly principal: UserPrincipal;
}

/** It travels in a header, of which all together have 32 KiB. */
const MAX_TOKEN_CHARS = 12 * 1024;
const MAX_SESSION_BYTES = 1024 * 1024;

/**
 * Temporary credentials. Nothing is kept of them: the session token is everything that is known of one, sealed and bound
 * to its access key. At each use it is looked at whether the user is still there, whether the lasting key it was made
 * with still works, and whether it was revoked.
 */
export class Sessions implements SessionTokens {
  readonly #deps: SessionsDeps;

  constructor(deps: SessionsDeps) {
    this.#deps = deps;
  }

  /** Throws PackedPolicyTooLarge when what is known of the user does not fit into a token. */
  create({ principal, role, name, limits, expiresAtMs }: NewSession): SessionCredentials {
    const { sealingKey, clock } = this.#deps;
    const accessKeyId = newAccessKeyId('ZAT');
    const secretAccessKey = newSecretAccessKey();
    const madeWith = lastingKeyOf(principal);
    const sealed: SealedSession = {
      secretAccessKey,
      madeAtMs: clock.now(),
      expiresAtMs,
      ...(madeWith !== undefined && { madeWith }),
      role,
      sessionName: name,
      principal: {
        ...principal,
        via: 'sts',
        source: principal.source ?? principal.via,
        ...(madeWith !== undefined && { parentAccessKeyId: madeWith }),
        limits: [...(principal.limits ?? []), ...limits],
      },
    };
    const bytes = deflateRawSync(JSON.stringify(sealed));
    const sessionToken = sealSecret(sealingKey, bytes, accessKeyId).toString('base64');
    if (sessionToken.length > MAX_TOKEN_CHARS) {
      throw new StsError(
        'PackedPolicyTooLarge',
        'The claims, groups and policies of the session are too many for a session token.',
      );
    }
    return { accessKeyId, secretAccessKey, sessionToken, expiresAtMs };
  }

  async open(token: string, accessKeyId: string): Promise<TemporaryCredential | undefined> {
    if (token.length > MAX_TOKEN_CHARS) return undefined;
    const bytes = openSealed(this.#deps.sealingKey, Buffer.from(token, 'base64'), accessKeyId);
    if (bytes === undefined) return undefined;
    const text = inflateRawSync(bytes, { maxOutputLength: MAX_SESSION_BYTES }).toString();
    const sealed = JSON.parse(text) as SealedSession; // nobody else can seal one
    const user = await this.#userNow(sealed);
    if (user === undefined) return undefined;
    return {
      accessKeyId,
      secretAccessKey: sealed.secretAccessKey,
      expiresAtMs: sealed.expiresAtMs,
      session: { role: sealed.role, name: sealed.sessionName },
      principal: { ...user, accessKeyId, credential: { kind: 'sts-session', id: accessKeyId } },
    };
  }

  /** With today's groups and roles, unless an issuer's token said them. Undefined when the user may not come any more. */
  async #userNow(sealed: SealedSession): Promise<UserPrincipal | undefined> {
    const { identities, revocations, keys, root } = this.#deps;
    const { principal, madeAtMs, madeWith } = sealed;
    if (await revocations.isRevoked({ user: principal.name, madeWith, madeAtMs })) return undefined;
    if (madeWith !== undefined && madeWith !== root.user && (await keys.find(madeWith)) === undefined) {
      return undefined;
    }
    const now = await identities.userNamed(principal.name, { credentialMadeAtMs: madeAtMs });
    if (now === undefined) return undefined;
    if (principal.assumedRole !== undefined) {
      const { assumedRole } = principal;
      const hasRole = principal.claims !== undefined || root.user === principal.name;
      return hasRole || now.roles?.includes(assumedRole) ? principal : undefined;
    }
    if (principal.claims !== undefined) return principal;
    const { groups, roles } = now;
    return { ...principal, groups, ...(roles !== undefined && { roles }) };
  }
}

/** Through any number of sessions. */
function lastingKeyOf({ credential, accessKeyId, parentAccessKeyId }: UserPrincipal): string | undefined {
  return credential?.kind === 'access-key' ? accessKeyId : parentAccessKeyId;
}
