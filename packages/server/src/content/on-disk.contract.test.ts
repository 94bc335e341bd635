import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  contentStoreContract,
  type OpenedContent,
  silent,
} from '@zot-artifact-store/testkit/content-contract.ts';
import { contentKeepersContract } from '@zot-artifact-store/testkit/content-keepers-contract.ts';
import { contentPartsContract } from '@zot-artifact-store/testkit/content-parts-contract.ts';
import { FilesystemBlobDriver } from '../drivers/filesystem/filesystem-blob-driver.ts';
import { LmdbMetadataStore } from '../metadata/lmdb/lmdb-metadata-store.ts';

async function open(): Promise<OpenedContent> {
  const folder = await mkdtemp(join(tmpdir(), 'zas-content-'));
  const onFatal = (error: Error) => {
    throw error;
  };
  const path = join(folder, 'metadata');
  const metadata = new LmdbMetadataStore({ path, reserveBytes: 0, log: silent, onFatal });
  const driver = new FilesystemBlobDriver({ root: join(folder, 'blobs'), reserveBytes: 0, onFatal });
  await metadata.open();
  await driver.open();
  const cleanup = async () => {
    await driver.close();
    await metadata.close();
    await rm(folder, { recursive: true });
  };
  return { metadata, driver, cleanup };
}

contentStoreContract('lmdb and filesystem', open);
contentKeepersContract('lmdb and filesystem', open);
contentPartsContract('lmdb and filesystem', open);
