import { statfs } from 'node:fs/promises';
import { StoreError } from '@zot-artifact-store/spec';

/** `f_type` of statfs(2). A memory map shared between processes is not coherent on these, nor are their locks. */
const NETWORK_FILESYSTEMS: ReadonlyMap<number, string> = new Map([
  [0x6969, 'NFS'],
  [0xff534d42, 'CIFS'],
  [0xfe534d42, 'SMB2'],
  [0x517b, 'SMB'],
  [0x5346414f, 'AFS'],
]);

/** Throws `unavailable` when the folder is on a filesystem that cannot hold the metadata safely. */
export async function refuseNetworkFilesystem(
  folder: string,
  typeOf: (path: string) => Promise<number> = async (path) => (await statfs(path)).type,
): Promise<void> {
  // The field is signed on some platforms.
  const name = NETWORK_FILESYSTEMS.get((await typeOf(folder)) >>> 0);
  if (name === undefined) return;
  throw new StoreError(
    'unavailable',
    `the data folder is on a network filesystem (${name}), where the metadata store would be corrupted; put it on a local disk`,
  );
}
