import type { Logger } from 'pino';
import type { Config } from '../config/config.ts';
import { deriveSecret } from '../data-folder/secret-key.ts';
import { type SealedExtensions, setUpExtensions } from '../extension/host.ts';
import { type LoadedExtension, loadExtensions } from '../extension/load.ts';
import { prepareExtensions } from '../extension/order.ts';
import { SharedServices } from '../extension/shared-services.ts';
import type { VetoChain } from '../extension/veto-chain.ts';
import { openSecretKey } from './data-folders.ts';
import type { Stores } from './open-stores.ts';

export interface StartExtensionsOptions {
  readonly stores: Stores;
  readonly vetoes: VetoChain;
  readonly log: Logger;
  readonly clock: { now(): number };
  /** Set up before those of the config file. */
  readonly builtIn: readonly LoadedExtension[];
}

/** Loads, orders, checks, sets up and seals the built-in extensions and those the config file names. */
export async function startExtensions(
  config: Config,
  { stores, vetoes, log, clock, builtIn }: StartExtensionsOptions,
): Promise<SealedExtensions> {
  const modules = config.extensions.map(({ name, module, options }) => ({ name, module, section: options }));
  const loaded = [...builtIn, ...(await loadExtensions(modules, config.baseDirectory))];
  const { metadata, registry, events, volumes } = stores;
  const secretKey = await openSecretKey(config);
  const services = new SharedServices();
  return setUpExtensions(prepareExtensions(loaded), {
    vetoes,
    services,
    log,
    hostFor: (name) => ({
      log: log.child({ extension: name }),
      clock,
      metadata,
      content: volumes[0].content,
      registry,
      vetoes,
      events,
      identities: services.identities,
      decide: services.decide,
      adminActions: services.adminActions,
      deriveSecret: (purpose) => deriveSecret(secretKey, { extension: name, purpose }),
    }),
  });
}
