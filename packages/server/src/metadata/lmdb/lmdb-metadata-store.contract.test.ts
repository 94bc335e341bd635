import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { metadataStoreContract } from '@zot-artifact-store/testkit/metadata-contract.ts';
import { LmdbMetadataStore } from './lmdb-metadata-store.ts';

metadataStoreContract('lmdb', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'zas-lmdb-'));
  const make = async (): Promise<LmdbMetadataStore> => {
    const made = new LmdbMetadataStore({
      path: join(folder, 'metadata'),
      reserveBytes: 0,
      log: { error: () => {}, warn: () => {} },
      onFatal: (error) => {
        throw error;
      },
    });
    await made.open();
    return made;
  };
  let current = await make();
  return {
    store: current,
    async reopen() {
      await current.close();
      current = await make();
      return current;
    },
    async cleanup() {
      await current.close();
      await rm(folder, { recursive: true });
    },
  };
});
