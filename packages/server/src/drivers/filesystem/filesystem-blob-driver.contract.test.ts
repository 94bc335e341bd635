import * as nodeFileSystem from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { blobDriverContract } from '@zot-artifact-store/testkit/blob-driver-contract.ts';
import { faultyFileSystem } from '@zot-artifact-store/testkit/faulty-file-system.ts';

import { FilesystemBlobDriver } from './filesystem-blob-driver.ts';

blobDriverContract('filesystem', {
  open: async ({ capacityBytes } = {}) => {
    const root = await nodeFileSystem.mkdtemp(join(tmpdir(), 'blobs-'));
    const fs = capacityBytes === undefined ? nodeFileSystem : faultyFileSystem({ capacityBytes }).fs;
    const openDriver = async () => {
      const driver = new FilesystemBlobDriver({
        root,
        fs,
        reserveBytes: 0,
        onFatal: (error) => {
          throw error;
        },
      });
      await driver.open();
      return driver;
    };
    const driver = await openDriver();
    return {
      driver,
      reopen: async () => {
        await driver.close();
        return openDriver();
      },
      cleanup: async () => {
        await driver.close();
        await nodeFileSystem.rm(root, { recursive: true });
      },
    };
  },
});
