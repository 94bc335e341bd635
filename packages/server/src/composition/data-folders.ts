import { StoreError } from '@zot-artifact-store/spec';
import type { Config } from '../config/config.ts';
import { type DataFolder, openDataFolder } from '../data-folder/data-folder.ts';
import { newSecretKey, readSecretKey, type SecretKeySource } from '../data-folder/secret-key.ts';

/**
 * Locks the folders of all volumes, and makes those that are not there: what the main process of a server does. The
 * main folder gets its secret key, or proves that the right one is there.
 */
export async function lockDataFolders(config: Config): Promise<readonly DataFolder[]> {
  const locked: DataFolder[] = [];
  try {
    for (const [index, { rootDirectory }] of config.storage.volumes.entries()) {
      const holdsKey = index === 0 && config.storage.metadataDriver !== 'memory';
      const options = {
        createIfMissing: true,
        lock: 'exclusive',
        ...(holdsKey && { secretKey: keySource(config) }),
      } as const;
      locked.push(await openDataFolder(rootDirectory, options));
    }
    return locked;
  } catch (error) {
    for (const folder of locked) folder.close();
    throw error;
  }
}

/**
 * The key that the store's secrets are derived from. Throws `unavailable` when it is missing or another store's. What
 * is kept in memory alone has a key as short-lived, unless one is given.
 */
export async function openSecretKey(config: Config): Promise<Uint8Array> {
  const { metadataDriver, secretKeyPath, volumes } = config.storage;
  if (metadataDriver === 'memory') {
    return secretKeyPath === undefined ? newSecretKey() : readSecretKey(secretKeyPath);
  }
  const options = { createIfMissing: false, lock: 'shared', secretKey: keySource(config) } as const;
  const { secretKey } = await openDataFolder(volumes[0].rootDirectory, options);
  if (secretKey === undefined)
    throw new StoreError('internal', 'the data folder came without its secret key');
  return secretKey;
}

function keySource({ storage }: Config): SecretKeySource {
  return storage.secretKeyPath === undefined ? {} : { givenPath: storage.secretKeyPath };
}
