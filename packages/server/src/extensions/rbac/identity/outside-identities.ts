import { StoreError } from '@zot-artifact-store/spec';
import type { Authenticator, ExtensionHost, Identities, Parts } from '../../../extension/contract.ts';
import { loginOptions } from '../api/login-options.ts';
import type { RbacSection } from '../config.ts';
import type { RbacOptions } from '../options.ts';
import { toProvider } from './oidc/config.ts';
import type { Provider } from './oidc/provider.ts';
import type { NameBinding } from './oidc/token-identities.ts';
import { fromBearerOidc, fromOpenid } from './oidc/zot-providers.ts';

/** Users that issuers outside vouch for: their tokens, and their logins by browser. */
export interface OutsideIdentities extends Required<Pick<Parts, 'protocols' | 'api' | 'tasks' | 'health'>> {
  /** Asked before passwords: a token may stand where one does. */
  readonly tokens: readonly Authenticator[];
  /** Asked last: a request that has an `Authorization` means that one. */
  readonly sessions: readonly Authenticator[];
  readonly verifyToken: Identities['verifyToken'];
  stop(): Promise<void>;
}

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
  // A server without providers does not wait for what they need to be loaded.
  const { startProviders } = await import('./start-providers.ts');
  const started = await startProviders(providers, { options, section, host, names });
  return { ...started, api: [...api, ...started.api] };
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
