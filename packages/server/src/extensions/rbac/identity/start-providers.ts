import type { ExtensionHost } from '../../../extension/contract.ts';
import { sessionRoutes } from '../api/sessions.ts';
import type { RbacSection } from '../config.ts';
import type { RbacOptions } from '../options.ts';
import { OidcAuthenticator } from './oidc/authenticator.ts';
import { startOidc } from './oidc/oidc.ts';
import type { Provider } from './oidc/provider.ts';
import type { NameBinding } from './oidc/token-identities.ts';
import type { OutsideIdentities } from './outside-identities.ts';
import { BrowserLogin } from './sessions/browser-login.ts';
import { createLoginProtocol } from './sessions/login-protocol.ts';
import { SessionAuthenticator } from './sessions/session-authenticator.ts';
import { Sessions } from './sessions/sessions.ts';

export interface StartProvidersDeps {
  readonly options: RbacOptions;
  readonly section: RbacSection;
  readonly host: ExtensionHost;
  readonly names: NameBinding;
}

const HOUR_MS = 3_600_000;

/** The tokens and the logins by browser of at least one provider. Throws an Error when one cannot be used. */
export async function startProviders(
  providers: readonly Provider[],
  { options, section, host, names }: StartProvidersDeps,
): Promise<OutsideIdentities> {
  const { clock, log, metadata } = host;
  const oidc = await startOidc(providers, { host, names });
  const sessions = new Sessions({ metadata, clock });
  const { ended, identities } = oidc;
  const hasSecureCookies = options.secureCookies === true;
  const { publicOrigin } = options;
  const login = new BrowserLogin({
    providers: oidc.providers,
    sessions,
    ended,
    names,
    stateKey: host.deriveSecret('login state'),
    clock,
    log,
    publicOrigin,
    listenOrigin: options.listenOrigin ?? 'http://127.0.0.1:8080',
    callbackOrigins: options.callbackOrigins ?? [],
    hasSecureCookies,
    lifetimeMs: section.sessionLifetimeSeconds * 1000,
  });
  return {
    tokens: [new OidcAuthenticator(identities)],
    sessions: [new SessionAuthenticator({ sessions, ended, names, publicOrigin, hasSecureCookies })],
    protocols: [createLoginProtocol(login)],
    api: sessionRoutes(sessions),
    tasks: [
      { name: 'ended-logins', intervalMs: HOUR_MS, run: (signal) => ended.sweep(signal) },
      { name: 'sessions', intervalMs: HOUR_MS, run: (signal) => sessions.sweep(signal) },
    ],
    health: [oidc.health],
    verifyToken: (token) => identities.verify(token),
    stop: () => oidc.stop(),
  };
}
