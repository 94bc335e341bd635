import { setTimeout as wait } from 'node:timers/promises';
import { isStoreError } from '@zot-artifact-store/spec';
import bcrypt from 'bcrypt';
import type { ApiRoute } from '../../../extension/api-route.ts';
import type { Authenticator, Authorizer, ExtensionHost, Identities } from '../../../extension/contract.ts';
import { clientAddresses } from '../../../http/client-address.ts';
import type { Protocol } from '../../../http/protocol.ts';
import { groupRoutes } from '../api/groups.ts';
import { rootRoutes } from '../api/root.ts';
import { tokenRoutes } from '../api/tokens.ts';
import { userRoutes } from '../api/users.ts';
import type { RbacSection } from '../config.ts';
import type { RbacOptions } from '../options.ts';
import { ApiKeys } from './api-keys/api-keys.ts';
import { apiKeyAuthenticator } from './api-keys/bearer-authenticator.ts';
import { zotApiKeyProtocol } from './api-keys/zot-protocol.ts';
import { FailureLimiter } from './failure-limiter.ts';
import { BindCredentialsFile } from './ldap/bind-credentials.ts';
import type { LdapOptions } from './ldap/ldap-options.ts';
import type { LdapService } from './ldap/ldap-service.ts';
import { type CertificateAuthenticatorDeps, certificateAuthenticator } from './mtls/authenticator.ts';
import { CertificateIdentity } from './mtls/certificate-identity.ts';
import { PasswordAuthenticator } from './password/authenticator.ts';
import { HtpasswdFile } from './password/htpasswd-file.ts';
import { PasswordChecker } from './password/password-checker.ts';
import { PasswordLogins } from './password/password-logins.ts';
import { keepRootPassword } from './password/root-password.ts';
import { ShaCryptThread } from './password/sha-crypt-thread.ts';
import { StoredHashes } from './password/stored-hashes.ts';
import { TokenAuthenticator, type TokenTroubles } from './tokens/authenticator.ts';
import { tokenLifetimes } from './tokens/config.ts';
import { publicOrigins } from './tokens/public-url.ts';
import { REFRESH_TOKEN_PURPOSE, RefreshTokens } from './tokens/refresh-tokens.ts';
import { REGISTRY_TOKEN_PURPOSE, RegistryTokens } from './tokens/registry-tokens.ts';
import { TOKEN_OPERATION, tokenProtocol } from './tokens/token-protocol.ts';
import {
  readVerificationKey,
  TokenServer,
  type TokenServerDeps,
  type TokenServerOptions,
} from './tokens/token-server.ts';
import { hashPassword } from './users/bcrypt-hash.ts';
import { declaredUsers } from './users/config.ts';
import { GroupStore } from './users/group-store.ts';
import { RootAccess } from './users/root-access.ts';
import { UserDirectory } from './users/user-directory.ts';
import { UserStore } from './users/user-store.ts';

/** More refusals than this are not held back: waiting requests cost memory. */
const MAX_HELD_BACK = 1000;

/** What the extension has of users, keys and passwords. */
export interface Identity {
  readonly directory: UserDirectory;
  readonly userNamed: Identities['userNamed'];
  /** Those that know their own tokens, which other authenticators would refuse. */
  readonly tokenAuthenticators: readonly Authenticator[];
  /** By HTTP Basic; the last to be asked. */
  readonly passwordAuthenticator: Authenticator;
  /** For tokens that carry their own rights. */
  readonly authorizers: readonly Authorizer[];
  readonly api: readonly ApiRoute[];
  readonly protocols: readonly Protocol[];
  close(): Promise<void>;
}

export async function setUpIdentity(
  options: RbacOptions,
  section: RbacSection,
  host: ExtensionHost,
): Promise<Identity> {
  const { metadata, clock, log } = host;
  const { rootUser } = options;
  const password = options.rootPassword ?? (await keepRootPassword(options.rootPasswordPath));
  const htpasswd = await openHtpasswd(options, host);
  const declared = declaredUsers(section);
  const rootAccess = new RootAccess(metadata, section.root);
  const isRootEnabled = (): Promise<boolean> => rootAccess.isEnabled();
  const ldap = options.ldap && (await openLdap(options.ldap, host));
  const directory = new UserDirectory({
    metadata,
    clock,
    log,
    rootUser,
    declared,
    isRootEnabled,
    groupsNow: async ({ name, source }) => (source === 'ldap' ? groupsInLdap(ldap, name) : 'unknown'),
  });
  const userNamed: Identities['userNamed'] = (name, asked) => directory.userNamed(name, asked);
  const users = new UserStore({ metadata, clock, rootUser, declared, directory, hashPassword });
  const apiKeys = new ApiKeys({ metadata, clock, log, userNamed });
  const limiter = new FailureLimiter(clock);
  const clientAddress = clientAddresses(section.trustedProxies);
  const stopping = new AbortController();
  const shaCrypt = new ShaCryptThread();
  const holdBack = holdBackFor(options.failDelayMs, stopping.signal);
  const logins = new PasswordLogins({
    root: { user: rootUser, password },
    isRootEnabled,
    hashes: new StoredHashes({ htpasswd, directory, hasLocalPasswords: () => directory.hasPasswords() }),
    directory,
    apiKeys,
    service: ldap,
    checker: new PasswordChecker(clock, (given, hash) =>
      hash.startsWith('$2') ? bcrypt.compare(given, hash) : shaCrypt.verify(given, hash),
    ),
    limiter,
  });
  const lifetimes = tokenLifetimes(section);
  const tokens = new RegistryTokens({
    key: host.deriveSecret(REGISTRY_TOKEN_PURPOSE),
    clock,
    lifetimeMs: lifetimes.tokenMs,
    directory,
    apiKeys,
  });
  const refreshTokens = new RefreshTokens({
    key: host.deriveSecret(REFRESH_TOKEN_PURPOSE),
    clock,
    lifetimeMs: lifetimes.refreshMs,
    logins,
    apiKeys,
  });
  const troubles: TokenTroubles = new WeakMap();
  const tokenServer =
    options.tokenServer && (await openTokenServer(options.tokenServer, { clock, directory, troubles }));
  const { upstreamTokenEndpoint: upstream } = options;
  const tokenAuthenticator = new TokenAuthenticator({
    tokens,
    origin: publicOrigins({ configured: options.publicOrigin, trustedProxies: section.trustedProxies }),
    isOffered: hasUsers(options, section),
    tokenServer: options.tokenServer,
    troubles,
    clientAddress,
  });
  return {
    directory,
    userNamed,
    tokenAuthenticators: [
      ...certificateAuthenticators(options, { directory, log }),
      apiKeyAuthenticator({ apiKeys, limiter, clientAddress }),
      tokenAuthenticator,
      ...(tokenServer ? [tokenServer] : []),
    ],
    authorizers: tokenServer ? [tokenServer] : [],
    passwordAuthenticator: new PasswordAuthenticator({
      realm: options.realm,
      logins,
      clientAddress,
      isLeftTo: ({ name }) => upstream !== undefined && name === TOKEN_OPERATION,
      isOtherwiseChallenged: (head, operation) => tokenAuthenticator.challenges(head, operation),
      holdBack,
    }),
    api: [
      ...userRoutes({ users, directory, apiKeys }),
      ...groupRoutes(new GroupStore({ metadata, clock, declared })),
      ...tokenRoutes(apiKeys, { rootUser }),
      ...rootRoutes(rootAccess),
    ],
    protocols: [
      tokenProtocol({
        tokens,
        refreshTokens,
        logins,
        decide: host.decide,
        verifyToken: (token) => host.identities.verifyToken(token),
        clientAddress,
        holdBack,
        upstream,
      }),
      ...(options.zotApiKeys ? [zotApiKeyProtocol(apiKeys, clock)] : []),
    ],
    close: async () => {
      stopping.abort();
      await shaCrypt.close();
    },
  };
}

/** Whether there may be anybody but root: then clients of the registry are sent to get tokens. */
function hasUsers(options: RbacOptions, section: RbacSection): boolean {
  return (
    options.htpasswdPath !== undefined ||
    options.ldap !== undefined ||
    options.tokenServer !== undefined ||
    (options.bearerOidc ?? []).length > 0 ||
    (options.openid ?? []).length > 0 ||
    section.providers.length > 0 ||
    Object.keys(section.users).length > 0
  );
}

async function openHtpasswd(
  { htpasswdPath, rootUser }: RbacOptions,
  host: ExtensionHost,
): Promise<HtpasswdFile | undefined> {
  if (htpasswdPath === undefined) return undefined;
  const htpasswd = new HtpasswdFile(htpasswdPath, host);
  await htpasswd.open();
  if ((await htpasswd.current()).hashes.has(rootUser)) {
    host.log.warn({ user: rootUser }, 'the htpasswd file names the root user; that line has no effect');
  }
  return htpasswd;
}

/** Throws when the credentials file cannot be used; that the directory answers is seen at the first login. */
async function openLdap(options: LdapOptions, { clock, log }: ExtensionHost): Promise<LdapService> {
  const { LdapService } = await import('./ldap/ldap-service.ts');
  const { parseUserFilter } = await import('./ldap/user-filter.ts');
  if (options.userFilter !== undefined) parseUserFilter(options.userFilter);
  const credentials =
    options.credentialsPath === undefined ? undefined : new BindCredentialsFile(options.credentialsPath, log);
  await credentials?.current();
  return new LdapService({ options, credentials, clock, log });
}

/** A directory that is down, or is configured no more, says nothing: then what it said at the last login counts. */
async function groupsInLdap(
  ldap: LdapService | undefined,
  name: string,
): Promise<readonly string[] | 'unknown' | 'gone'> {
  if (ldap === undefined) return 'unknown';
  try {
    return (await ldap.lookUp(name))?.groups ?? 'gone';
  } catch (error) {
    if (isStoreError(error, 'unavailable') || isStoreError(error, 'too-many-requests')) return 'unknown';
    throw error;
  }
}

async function openTokenServer(
  options: TokenServerOptions,
  deps: Omit<TokenServerDeps, 'options' | 'key'>,
): Promise<TokenServer> {
  return new TokenServer({ ...deps, options, key: await readVerificationKey(options.certPath) });
}

function certificateAuthenticators(
  { clientCertificates }: RbacOptions,
  deps: Omit<CertificateAuthenticatorDeps, 'identity'>,
): readonly Authenticator[] {
  if (clientCertificates === undefined) return [];
  return [certificateAuthenticator({ ...deps, identity: new CertificateIdentity(clientCertificates) })];
}

function holdBackFor(delayMs: number, stopping: AbortSignal): () => Promise<void> {
  let held = 0;
  return async () => {
    if (delayMs === 0 || held >= MAX_HELD_BACK || stopping.aborted) return;
    held += 1;
    try {
      await wait(delayMs, undefined, { signal: stopping });
    } catch {
      // The server stops: the refusal goes out now.
    } finally {
      held -= 1;
    }
  };
}
