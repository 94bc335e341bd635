import { StoreError } from '@zot-artifact-store/spec';
import {
  defineExtension,
  type Extension,
  type ExtensionHost,
  type Parts,
  type Task,
} from '../../extension/contract.ts';
import { AccessAuthorizer } from './access/authorizer.ts';
import { ZotRules } from './access/zot/zot-rules.ts';
import { whoAmI } from './api/who-am-i.ts';
import { type RbacSection, rbacSection } from './config.ts';
import { OidcAuthenticator } from './identity/oidc/authenticator.ts';
import { toProvider } from './identity/oidc/config.ts';
import { type Oidc, startOidc } from './identity/oidc/oidc.ts';
import type { Provider } from './identity/oidc/provider.ts';
import { fromBearerOidc, fromOpenid } from './identity/oidc/zot-providers.ts';
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
  const providers = providersOf(options, section);
  const oidc =
    providers.length === 0 ? undefined : await startOidc(providers, { host, names: identity.directory });
  return {
    protocols: identity.protocols,
    // Tokens first: one may stand where a password does.
    authenticators: [
      ...identity.tokenAuthenticators,
      ...(oidc ? [new OidcAuthenticator(oidc.identities)] : []),
      identity.passwordAuthenticator,
    ],
    api: [whoAmI, ...identity.api],
    identities: {
      verifyToken: async (token) => {
        if (oidc !== undefined) return oidc.identities.verify(token);
        throw new StoreError('unauthenticated', 'no issuer of tokens is configured here');
      },
      userNamed: identity.userNamed,
    },
    health: oidc ? [oidc.health] : [],
    tasks: oidc ? [endedLoginsTask(oidc)] : [],
    authorizers: [new AccessAuthorizer({ zot: new ZotRules(options, host) })],
    shutdown: async () => {
      await identity.close();
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

function endedLoginsTask({ ended }: Oidc): Task {
  return { name: 'ended-logins', intervalMs: 3_600_000, run: (signal) => ended.sweep(signal) };
}
