import { setTimeout as wait } from 'node:timers/promises';
import bcrypt from 'bcrypt';
import { defineExtension, type Extension, type ExtensionHost, type Parts } from '../../extension/contract.ts';
import { AccessAuthorizer } from './access/authorizer.ts';
import { ZotRules } from './access/zot/zot-rules.ts';
import { whoAmI } from './api/who-am-i.ts';
import { type RbacSection, rbacSection } from './config.ts';
import { FailureLimiter } from './identity/failure-limiter.ts';
import { PasswordAuthenticator } from './identity/password/authenticator.ts';
import { HtpasswdFile } from './identity/password/htpasswd-file.ts';
import { PasswordChecker } from './identity/password/password-checker.ts';
import { keepRootPassword } from './identity/password/root-password.ts';
import { ShaCryptThread } from './identity/password/sha-crypt-thread.ts';
import type { RbacOptions } from './options.ts';

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
    setup: (host) => setUp(options, host),
  });
}

async function setUp(options: RbacOptions, host: ExtensionHost): Promise<Parts> {
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
    authenticators: [authenticator],
    api: [whoAmI],
    authorizers: [new AccessAuthorizer({ zot: new ZotRules(options, host) })],
    shutdown: async () => {
      stopping.abort();
      await shaCrypt.close();
    },
  };
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
