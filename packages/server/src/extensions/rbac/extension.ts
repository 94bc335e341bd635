import { setTimeout as wait } from 'node:timers/promises';
import bcrypt from 'bcrypt';
import {
  defineExtension,
  type Extension,
  type ExtensionHost,
  type Identities,
  type Parts,
  type Task,
} from '../../extension/contract.ts';
import { AccessAuthorizer } from './access/authorizer.ts';
import { ZotRules } from './access/zot/zot-rules.ts';
import { whoAmI } from './api/who-am-i.ts';
import { type RbacSection, rbacSection } from './config.ts';
import { FailureLimiter } from './identity/failure-limiter.ts';
import { OidcAuthenticator } from './identity/oidc/authenticator.ts';
import { toProvider } from './identity/oidc/config.ts';
import { type Oidc, startOidc } from './identity/oidc/oidc.ts';
import type { Provider } from './identity/oidc/provider.ts';
import type { NameBinding } from './identity/oidc/token-identities.ts';
import { fromBearerOidc, fromOpenid } from './identity/oidc/zot-providers.ts';
import { PasswordAuthenticator } from './identity/password/authenticator.ts';
import { HtpasswdFile } from './identity/password/htpasswd-file.ts';
import { PasswordChecker } from './identity/password/password-checker.ts';
import { keepRootPassword } from './identity/password/root-password.ts';
import { ShaCryptThread } from './identity/password/sha-crypt-thread.ts';
import type { RbacOptions } from './options.ts';

/** Every subject has the name its token says, and no groups besides. */
const UNBOUND: NameBinding = { admit: async ({ wantedName }) => ({ name: wantedName, groups: [] }) };

/** More refusals than this are not held back: waiting requests cost memory. */
const MAX_HELD_BACK = 1000;

/**
 * Who users are and what they may do. `options` comes from the server's own configuration (`http.auth`,
 * `http.accessControl`, the environment); the section `extensions.rbac` adds to it.
 */
export function rbac(options: RbacOptions): Extension<RbacSection> {
  return defineExtension({
    name: 'rbac',
    config: rbacSection,
    setup: (host, section) => setUp(options, section, host),
  });
}

async function setUp(options: RbacOptions, section: RbacSection, host: ExtensionHost): Promise<Parts> {
  const password = options.rootPassword ?? (await keepRootPassword(options.rootPasswordPath));
  const htpasswd =
    options.htpasswdPath === undefined ? undefined : new HtpasswdFile(options.htpasswdPath, host);
  await htpasswd?.open();
  if ((await htpasswd?.current())?.hashes.has(options.rootUser)) {
    host.log.warn(
      { user: options.rootUser },
      'the htpasswd file names the root user; that line has no effect',
    );
  }
  const providers = providersOf(options, section);
  const oidc = providers.length === 0 ? undefined : await startOidc(providers, { host, names: UNBOUND });
  const stopping = new AbortController();
  const shaCrypt = new ShaCryptThread();
  const authenticator = new PasswordAuthenticator({
    realm: options.realm,
    root: { user: options.rootUser, password },
    htpasswd,
    checker: new PasswordChecker(host.clock, (password, hash) =>
      hash.startsWith('$2') ? bcrypt.compare(password, hash) : shaCrypt.verify(password, hash),
    ),
    limiter: new FailureLimiter(host.clock),
    holdBack: holdBackFor(options.failDelayMs, stopping.signal),
  });
  return {
    // Tokens first: one may stand where a password does.
    authenticators: [...(oidc ? [new OidcAuthenticator(oidc.identities)] : []), authenticator],
    api: [whoAmI],
    ...(oidc && { identities: identitiesWith(oidc) }),
    health: oidc ? [oidc.health] : [],
    tasks: oidc ? [endedLoginsTask(oidc)] : [],
    authorizers: [new AccessAuthorizer({ zot: new ZotRules(options, host) })],
    shutdown: async () => {
      stopping.abort();
      await shaCrypt.close();
      await oidc?.stop();
    },
  };
}

function providersOf(options: RbacOptions, section: RbacSection): readonly Provider[] {
  return [
    ...section.providers.map(toProvider),
    ...fromBearerOidc(options.bearerOidc ?? []),
    ...fromOpenid(options.openid ?? []),
  ];
}

function identitiesWith({ identities }: Oidc): Identities {
  return {
    verifyToken: (token) => identities.verify(token),
    userNamed: async (name) => ({ kind: 'user', name, groups: [], via: 'name', isRoot: false }),
  };
}

function endedLoginsTask({ ended }: Oidc): Task {
  return { name: 'ended-logins', intervalMs: 3_600_000, run: (signal) => ended.sweep(signal) };
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
