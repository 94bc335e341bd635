import { StoreError } from '@zot-artifact-store/spec';
import type { Authenticator, ExtensionHost, Identities, Parts } from '../../../extension/contract.ts';
import { loginOptions } from '../api/login-options.ts';
import { sessionRoutes } from '../api/sessions.ts';
import type { RbacSection } from '../config.ts';
import type { RbacOptions } from '../options.ts';
import { OidcAuthenticator } from './oidc/authenticator.ts';
import { toProvider } from './oidc/config.ts';
import { startOidc } from './oidc/oidc.ts';
import type { Provider } from './oidc/provider.ts';
import type { NameBinding } from './oidc/token-identities.ts';
import { fromBearerOidc, fromOpenid } from './oidc/zot-providers.ts';
import { BrowserLogin } from './sessions/browser-login.ts';
import { createLoginProtocol } from './sessions/login-protocol.ts';
import { SessionAuthenticator } from './sessions/session-authenticator.ts';
import { Sessions } from './sessions/sessions.ts';

/** Users that issuers outside vouch for: their tokens, and their logins by browser. */
export interface OutsideIdentities extends Required<Pick<Parts, 'protocols' | 'api' | 'tasks' | 'health'>> {
  /** Asked before passwords: a token may stand where one does. */
  readonly tokens: readonly Authenticator[];
  /** Asked last: a request that has an `Authorization` means that one. */
  readonly sessions: readonly Authenticator[];
  readonly verifyToken: Identities['verifyToken'];
  stop(): Promise<void>;
}

const HOUR_MS = 3_600_000;

/** What the providers of the configuration bring. Throws an Error when one of them cannot be used. */
export async function startOutsideIdentities(
  options: RbacOptions,
  section: RbacSection,
  { host, names }: { readonly host: ExtensionHost; readonly names: NameBinding },
): Promise<OutsideIdentities> {
  const providers = providersOf(options, section);
  const api = [loginOptions(providers)];
  if (providers.length === 0) {
    const none = { tokens: [], sessions: [], protocols: [], tasks: [], health: [] };
    return { ...none, api, verifyToken: noIssuer, stop: async () => {} };
  }
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
    api: [...api, ...sessionRoutes(sessions)],
    tasks: [
      { name: 'ended-logins', intervalMs: HOUR_MS, run: (signal) => ended.sweep(signal) },
      { name: 'sessions', intervalMs: HOUR_MS, run: (signal) => sessions.sweep(signal) },
    ],
    health: [oidc.health],
    verifyToken: (token) => identities.verify(token),
    stop: () => oidc.stop(),
  };
}

async function noIssuer(): Promise<never> {
  throw new StoreError('unauthenticated', 'no issuer of tokens is configured here');
}

function providersOf(options: RbacOptions, section: RbacSection): readonly Provider[] {
  return [
    ...section.providers.map(toProvider),
    ...fromBearerOidc(options.bearerOidc ?? []),
    ...fromOpenid(options.openid ?? []),
  ];
}
