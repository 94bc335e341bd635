import { setTimeout as wait } from 'node:timers/promises';
import bcrypt from 'bcrypt';
import { z } from 'zod';
import { defineExtension, type Extension, type ExtensionHost, type Parts } from '../../extension/contract.ts';
import { BasicAuthenticator } from './authenticator.ts';
import { BasicAuthorizer } from './authorizer.ts';
import { FailureLimiter } from './failure-limiter.ts';
import { HtpasswdFile } from './htpasswd-file.ts';
import type { BasicAuthOptions } from './options.ts';
import { PasswordChecker } from './password-checker.ts';
import { keepRootPassword } from './root-password.ts';
import { ShaCryptThread } from './sha-crypt-thread.ts';

/** More refusals than this are not held back: waiting requests cost memory. */
const MAX_HELD_BACK = 1000;

/**
 * The root user, the users of an htpasswd file, and what clients without credentials may do. `options` comes from the
 * server's configuration (`http.auth`, `http.accessControl`, the environment), not from a section of its own.
 */
export function basicAuth(options: BasicAuthOptions): Extension<Record<string, never>> {
  return defineExtension({
    name: 'basic-auth',
    config: z.strictObject({}) as z.ZodType<Record<string, never>>, // zod infers `{}`, which means the same
    setup: (host) => setUp(options, host),
  });
}

async function setUp(options: BasicAuthOptions, host: ExtensionHost): Promise<Parts> {
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
  const authenticator = new BasicAuthenticator({
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
    authorizers: [new BasicAuthorizer(options, host.registry)],
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
