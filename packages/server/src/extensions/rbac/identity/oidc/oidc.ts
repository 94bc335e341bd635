import { StoreError } from '@zot-artifact-store/spec';
import type { ExtensionHost, HealthCheck } from '../../../../extension/contract.ts';
import { EndedLogins } from './ended-logins.ts';
import { Issuers } from './issuers.ts';
import type { Provider } from './provider.ts';
import { type KnownProvider, knownProvider, type NameBinding, TokenIdentities } from './token-identities.ts';

/** What there is when tokens of issuers outside are trusted. */
export interface Oidc {
  readonly providers: readonly KnownProvider[];
  readonly identities: TokenIdentities;
  readonly ended: EndedLogins;
  readonly health: HealthCheck;
  stop(): Promise<void>;
}

/**
 * Gets the providers ready and begins to fetch their keys. Throws an Error for a claim mapping that is no CEL, and node's
 * error for a file that cannot be read.
 */
export async function startOidc(
  providers: readonly Provider[],
  { host, names }: { readonly host: ExtensionHost; readonly names: NameBinding },
): Promise<Oidc> {
  const { clock, log, metadata } = host;
  const issuers = new Issuers({ clock, log });
  const known: KnownProvider[] = [];
  for (const provider of providers) known.push(knownProvider(provider, await issuers.add(provider.issuer)));
  const ended = new EndedLogins({ metadata, clock });
  issuers.start();
  return {
    providers: known,
    identities: new TokenIdentities({ providers: known, names, ended, clock }),
    ended,
    health: issuerCheck(issuers),
    stop: () => issuers.stop(),
  };
}

/** Users known so far go on working without their issuer, so this never makes the server unready. */
function issuerCheck(issuers: Issuers): HealthCheck {
  return {
    name: 'issuers',
    isAdvisory: true,
    async check() {
      const silent = issuers.all().filter(({ keys }) => keys.problem !== undefined);
      if (silent.length === 0) return;
      const names = silent.map(({ options }) => options.issuer).join(', ');
      throw new StoreError(
        'unavailable',
        `no keys can be fetched from ${names}; keys known before go on working`,
      );
    },
  };
}
