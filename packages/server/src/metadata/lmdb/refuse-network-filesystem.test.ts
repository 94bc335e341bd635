import { tmpdir } from 'node:os';
import { expect, it } from 'vitest';
import { refuseNetworkFilesystem } from './refuse-network-filesystem.ts';

it('refuses network filesystems by name, also when the platform gives a signed type', async () => {
  for (const [type, name] of [
    [0x6969, 'NFS'],
    [0xff534d42, 'CIFS'],
    [0xff534d42 | 0, 'CIFS'],
    [0x517b, 'SMB'],
  ] as const) {
    await expect(refuseNetworkFilesystem('/any', async () => type)).rejects.toMatchObject({
      kind: 'unavailable',
      message: expect.stringContaining(name),
    });
  }
});

it('accepts local and FUSE filesystems', async () => {
  await refuseNetworkFilesystem('/any', async () => 0xef53);
  await refuseNetworkFilesystem('/any', async () => 0x65735546);
  await refuseNetworkFilesystem(tmpdir());
});
