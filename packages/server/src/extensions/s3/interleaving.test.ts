import { ALICE, S3Bench, type S3Reply, type S3Request } from '@zot-artifact-store/testkit/s3-bench.ts';
import { Interleaver, seededRandom } from '@zot-artifact-store/testkit/stepped-store.ts';
import { describe, expect, it } from 'vitest';
import type { VersioningState } from './store/records.ts';

const SEEDS = 60;
const PART = 'p'.repeat(4_000);

/** Runs requests at once, each in a worker of its own, in the order of calls that the seed picks. */
async function race(
  bench: S3Bench,
  seed: number,
  requests: readonly (readonly [target: string, request: S3Request])[],
): Promise<readonly S3Reply[]> {
  const interleaver = new Interleaver(seededRandom(seed));
  const replies = requests.map(([target, request]) =>
    bench.send(target, { principal: ALICE, ...request }, bench.worker(interleaver.step)),
  );
  await interleaver.run(replies);
  return Promise.all(replies);
}

async function withBench(versioning: VersioningState, test: (bench: S3Bench) => Promise<void>) {
  const bench = new S3Bench({ options: { minPartBytes: 1 } });
  try {
    await bench.createBucket('bucket', { versioning });
    await test(bench);
    bench.nowMs += 100_000;
    // Parts of uploads that are over are let go of by a task, which does not run here.
    const problems = await bench.problems();
    expect(problems.filter((problem) => !problem.includes('s3-part'))).toEqual([]);
  } finally {
    await bench.close();
  }
}

const put = (body: string, headers: Record<string, string> = {}) => ({ method: 'PUT', body, headers });
const statuses = (replies: readonly S3Reply[]) => replies.map(({ status }) => status).sort();
const seeds = Array.from({ length: SEEDS }, (_, seed) => seed + 1);

async function versionsOf(bench: S3Bench): Promise<readonly string[]> {
  const { text } = await bench.send('/bucket?versions');
  return [...text.matchAll(/<IsLatest>(true|false)<\/IsLatest>/g)].map(([, isLatest]) => isLatest ?? '');
}

describe('at the same time', () => {
  it('of conditional creations exactly one counts', async () => {
    for (const seed of seeds) {
      await withBench('enabled', async (bench) => {
        const condition = { 'if-none-match': '*' };
        const replies = await race(bench, seed, [
          ['/bucket/k', put('one', condition)],
          ['/bucket/k', put('two', condition)],
          ['/bucket/k', put('three', condition)],
        ]);
        expect(statuses(replies)).toEqual([200, 412, 412]);
        expect(await versionsOf(bench)).toEqual(['true']);
      });
    }
  });

  it.each<VersioningState>(['unversioned', 'enabled', 'suspended'])(
    'writes, copies and deletes of one key leave a whole store (%s)',
    async (versioning) => {
      for (const seed of seeds) {
        await withBench(versioning, async (bench) => {
          await bench.send('/bucket/k', put('first'.repeat(1_000)));
          await bench.send('/bucket/source', put('source'.repeat(1_000)));
          const replies = await race(bench, seed, [
            ['/bucket/k', put('second'.repeat(1_000))],
            ['/bucket/k', { method: 'DELETE' }],
            ['/bucket/k?versionId=null', { method: 'DELETE' }],
            ['/bucket/k', put('', { 'x-amz-copy-source': 'bucket/source' })],
            ['/bucket/source', { method: 'DELETE' }],
            [
              '/bucket/k?tagging',
              put('<Tagging><TagSet><Tag><Key>a</Key><Value>b</Value></Tag></TagSet></Tagging>'),
            ],
          ]);
          for (const { status } of replies) expect(status).toBeLessThan(500);
          const latest = (await versionsOf(bench)).filter((isLatest) => isLatest === 'true');
          // One for each key that has any version.
          expect(latest.length).toBeLessThanOrEqual(2);
          const { status, text } = await bench.send('/bucket/k');
          expect([200, 404]).toContain(status);
          if (status === 200)
            expect(['first', 'second', 'source'].some((word) => text === word.repeat(1_000))).toBe(true);
        });
      }
    },
  );

  it('an upload is completed or aborted, and no part comes after that', async () => {
    for (const seed of seeds) {
      await withBench('unversioned', async (bench) => {
        const created = await bench.send('/bucket/k?uploads', { method: 'POST' });
        const id = /<UploadId>(.+)<\/UploadId>/.exec(created.text)?.[1] ?? '';
        const part = `/bucket/k?uploadId=${id}&partNumber=`;
        const tags = [await bench.send(`${part}1`, put(PART)), await bench.send(`${part}2`, put('2'))].map(
          (reply) => reply.header('etag'),
        );
        const list = tags.map(
          (tag, index) => `<Part><PartNumber>${index + 1}</PartNumber><ETag>${tag}</ETag></Part>`,
        );
        const document = `<CompleteMultipartUpload>${list.join('')}</CompleteMultipartUpload>`;
        const [completed, aborted, replaced, again] = await race(bench, seed, [
          [`/bucket/k?uploadId=${id}`, { method: 'POST', body: document }],
          [`/bucket/k?uploadId=${id}`, { method: 'DELETE' }],
          [`${part}2`, put('another')],
          [`/bucket/k?uploadId=${id}`, { method: 'POST', body: document }],
        ]);
        const { status, text } = await bench.send('/bucket/k');
        const isThere = completed?.status === 200 || again?.status === 200;
        expect(status).toBe(isThere ? 200 : 404);
        if (isThere) {
          expect(text).toBe(`${PART}2`);
          expect(aborted?.status).toBe(404);
        }
        expect([200, 404]).toContain(replaced?.status);
        expect((await bench.send(`${part}3`, put('late'))).code).toBe(
          isThere || aborted?.status === 204 ? 'NoSuchUpload' : undefined,
        );
      });
    }
  });

  it('a bucket goes empty or stays', async () => {
    for (const seed of seeds) {
      await withBench('unversioned', async (bench) => {
        const [written, deleted, upload, made] = await race(bench, seed, [
          ['/bucket/k', put('x')],
          ['/bucket', { method: 'DELETE' }],
          ['/bucket/u?uploads', { method: 'POST' }],
          [
            '/bucket?policy',
            put(
              '{"Statement":{"Effect":"Allow","Principal":"*","Action":"s3:GetObject","Resource":"arn:aws:s3:::bucket/*"}}',
            ),
          ],
        ]);
        const read = await bench.send('/bucket/k');
        if (deleted?.status === 204) {
          expect(written?.code).toBe('NoSuchBucket');
          expect(read.code).toBe('NoSuchBucket');
        } else {
          expect(deleted?.code).toBe('BucketNotEmpty');
          expect([written?.status, read.status]).toEqual([200, 200]);
        }
        for (const reply of [upload, made]) expect([200, 204, 404]).toContain(reply?.status);
      });
    }
  });
});
