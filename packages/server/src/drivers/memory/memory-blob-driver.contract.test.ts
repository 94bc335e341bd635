import { blobDriverContract } from '@zot-artifact-store/testkit/blob-driver-contract.ts';
import { MemoryBlobDriver } from './memory-blob-driver.ts';

blobDriverContract('memory', {
  open: async ({ capacityBytes } = {}) => {
    const driver = new MemoryBlobDriver(capacityBytes === undefined ? {} : { capacityBytes });
    await driver.open();
    return { driver, cleanup: () => driver.close() };
  },
});
