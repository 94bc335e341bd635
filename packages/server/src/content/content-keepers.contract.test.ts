import { contentKeepersContract } from '@zot-artifact-store/testkit/content-keepers-contract.ts';
import { MemoryBlobDriver } from '../drivers/memory/memory-blob-driver.ts';
import { MemoryMetadataStore } from '../metadata/memory/memory-metadata-store.ts';

contentKeepersContract('memory', async () => ({
  metadata: new MemoryMetadataStore(),
  driver: new MemoryBlobDriver(),
  cleanup: async () => {},
}));
