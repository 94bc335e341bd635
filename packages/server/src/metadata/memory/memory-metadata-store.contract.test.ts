import { metadataStoreContract } from '@zot-artifact-store/testkit/metadata-contract.ts';
import { MemoryMetadataStore } from './memory-metadata-store.ts';

metadataStoreContract('memory', async () => {
  const store = new MemoryMetadataStore();
  await store.open();
  return { store, cleanup: () => store.close() };
});
