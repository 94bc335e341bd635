import { S3Bench } from '@zot-artifact-store/testkit/s3-bench.ts';
import { Interleaver, seededRandom } from '@zot-artifact-store/testkit/stepped-store.ts';
import { expect, it } from 'vitest';
import type { RequestContext } from '../../../http/protocol.ts';
import type { ObjectOperation } from '../operation.ts';
import type { VersionExtra } from '../store/records.ts';
import { changeVersion } from './change-version.ts';

const CONTEXT = { can: async () => true } as unknown as RequestContext;

it('loses neither of two changes of different things, whatever comes between', async () => {
  for (let seed = 1; seed <= 40; seed++) {
    const bench = new S3Bench();
    const bucket = await bench.createBucket();
    await bench.send('/bucket/key', { method: 'PUT', body: 'content' });
    const operation = { bucket: bucket.name, key: 'key', query: new Map() } as unknown as ObjectOperation;
    const interleaver = new Interleaver(seededRandom(seed));
    const change = (extra: Partial<VersionExtra>) =>
      changeVersion(operation, CONTEXT, bench.worker(interleaver.step), (found) => ({
        extra: { ...found.extra, ...extra },
      }));
    await interleaver.run([
      change({ tags: [['a', '1']] }),
      change({ acl: [{ to: { group: 'AllUsers' }, permission: 'READ' }] }),
      change({ metadata: { b: 'x'.repeat(5_000) } }),
    ]);
    const described = await bench.deps.versions.describe({ bucket, key: 'key' }, undefined);
    expect(described?.extra).toMatchObject({
      tags: [['a', '1']],
      acl: [{ permission: 'READ' }],
      metadata: { b: 'x'.repeat(5_000) },
    });
    expect(await bench.problems()).toEqual([]);
    await bench.close();
  }
});
