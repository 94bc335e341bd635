import { contentStoreContract } from '@zot-artifact-store/testkit/content-contract.ts';
import { contentPartsContract } from '@zot-artifact-store/testkit/content-parts-contract.ts';
import { MemoryBlobDriver } from '../drivers/memory/memory-blob-driver.ts';
import { MemoryMetadataStore } from '../metadata/memory/memory-metadata-store.ts';

const open = async () => ({
  metadata: new MemoryMetadataStore(),
  driver: new MemoryBlobDriver(),
  cleanup: async () => {},
});

contentStoreContract('memory', open);
contentPartsContract('memory', open);
