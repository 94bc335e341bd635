import { defineExtension, type Extension, type ExtensionHost, type Parts } from '../../extension/contract.ts';
import { setUpAccess } from './access/set-up-access.ts';
import { whoAmI } from './api/who-am-i.ts';
import { type RbacSection, rbacSection } from './config.ts';
import { startOutsideIdentities } from './identity/outside-identities.ts';
import { setUpIdentity } from './identity/set-up-identity.ts';
import type { RbacOptions } from './options.ts';

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
  const identity = await setUpIdentity(options, section, host);
  const outside = await startOutsideIdentities(options, section, { host, names: identity.directory });
  const access = setUpAccess(options, section, host);
  return {
    protocols: [...identity.protocols, ...outside.protocols],
    // Tokens first: one may stand where a password does.
    authenticators: [
      ...identity.tokenAuthenticators,
      ...outside.tokens,
      identity.passwordAuthenticator,
      ...outside.sessions,
    ],
    api: [whoAmI, ...identity.api, ...outside.api, ...access.api],
    identities: { verifyToken: outside.verifyToken, userNamed: identity.userNamed },
    health: outside.health,
    tasks: outside.tasks,
    authorizers: [access.authorizer, ...identity.authorizers],
    shutdown: async () => {
      await identity.close();
      await outside.stop();
    },
  };
}
