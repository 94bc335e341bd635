import type { UserPrincipal } from '../../../extension/access.ts';
import type { Identities } from '../../../extension/contract.ts';
import { S3Error } from '../errors.ts';
import type { RootGuesses } from './root-guesses.ts';

/** An access key with its secret, and whose it is. */
export interface Credential {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly principal: UserPrincipal;
}

/** An access key of a user. */
export interface FoundAccessKey {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly user: string;
  readonly createdAtMs: number;
}

/** Where the access keys of users are kept. */
export interface AccessKeySource {
  /** Undefined when there is no such key, or when it is disabled. */
  find(accessKeyId: string): Promise<FoundAccessKey | undefined>;
}

/** A credential somebody was lent for a time, with a session token that belongs to it. */
export interface TemporaryCredential extends Credential {
  readonly expiresAtMs: number;
  /** `self`, or the role that was taken on, and what the client called its session. */
  readonly session: { readonly role: string; readonly name: string };
}

/** Opens the session tokens of temporary credentials. */
export interface SessionTokens {
  /** Undefined when the token was not made here or not for this access key, or was revoked. */
  open(token: string, accessKeyId: string): Promise<TemporaryCredential | undefined>;
}

export interface CredentialDeps {
  /** The root user's name and password are an access key pair. */
  readonly root: { readonly user: string; readonly password: string };
  readonly keys: AccessKeySource;
  readonly sessionTokens: SessionTokens;
  readonly identities: Pick<Identities, 'userNamed'>;
  readonly clock: { now(): number };
}

/**
 * The credential a request was made with. Throws InvalidAccessKeyId when there is none, InvalidToken when a session
 * token comes with a key it does not belong to, ExpiredToken, SlowDown for root after too many wrong signatures.
 */
export async function findCredential(
  deps: CredentialDeps & { readonly rootGuesses: RootGuesses },
  asked: {
    readonly accessKeyId: string;
    readonly sessionToken: string | undefined;
    /** Whom the request comes from. */
    readonly address: string;
  },
): Promise<Credential> {
  const { accessKeyId, sessionToken } = asked;
  if (accessKeyId === deps.root.user) deps.rootGuesses.assertMayTry(asked.address);
  if (sessionToken !== undefined) return openToken(deps, accessKeyId, sessionToken);
  const found = await findLasting(deps, accessKeyId);
  if (found === undefined) throw unknownKey(accessKeyId);
  return found;
}

async function findLasting(deps: CredentialDeps, accessKeyId: string): Promise<Credential | undefined> {
  const { root, keys, identities } = deps;
  if (accessKeyId === root.user) {
    const user = await identities.userNamed(root.user);
    return (
      user && { accessKeyId, secretAccessKey: root.password, principal: rootPrincipal(user, accessKeyId) }
    );
  }
  const found = await keys.find(accessKeyId);
  if (found === undefined) return undefined;
  const isOfRoot = found.user === root.user;
  const user = await identities.userNamed(found.user, { credentialMadeAtMs: found.createdAtMs });
  if (user === undefined) return undefined;
  const { secretAccessKey } = found;
  const principal = isOfRoot ? rootPrincipal(user, accessKeyId) : ownedBy(user, accessKeyId);
  return { accessKeyId, secretAccessKey, principal };
}

function ownedBy(user: UserPrincipal, accessKeyId: string): UserPrincipal {
  return { ...user, via: 'access-key', accessKeyId, credential: { kind: 'access-key', id: accessKeyId } };
}

/** Also where nothing but this extension knows that there is a root user. */
function rootPrincipal(user: UserPrincipal, accessKeyId: string): UserPrincipal {
  return { ...ownedBy(user, accessKeyId), isRoot: true };
}

async function openToken(deps: CredentialDeps, accessKeyId: string, token: string): Promise<Credential> {
  const temporary = await deps.sessionTokens.open(token, accessKeyId);
  if (temporary === undefined) {
    if ((await findLasting(deps, accessKeyId)) === undefined) throw unknownKey(accessKeyId);
    throw new S3Error('InvalidToken', 'The provided token is malformed or otherwise invalid.');
  }
  if (temporary.expiresAtMs <= deps.clock.now()) {
    throw new S3Error('ExpiredToken', 'The provided token has expired.');
  }
  return temporary;
}

function unknownKey(accessKeyId: string): S3Error {
  return new S3Error(
    'InvalidAccessKeyId',
    'The access key ID you provided does not exist in our records, or is disabled.',
    { fields: { AWSAccessKeyId: accessKeyId.slice(0, 128) } },
  );
}
