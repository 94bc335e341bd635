import { type RunningApp, startApp } from '@zot-artifact-store/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { OPEN_CONFIG } from '../peers/open-config.ts';
import { ImageFactory } from './image.ts';
import type { Job, LoadResult, Task } from './job.ts';
import { ObjectBytes } from './object-bytes.ts';
import { chooser, runJob } from './run-job.ts';
import { S3Session } from './s3-session.ts';

const images = new ImageFactory();
const session = new S3Session(new ObjectBytes());
let app: RunningApp;

beforeAll(async () => {
  app = await startApp({ config: OPEN_CONFIG });
});
afterAll(() => app.close());

function run(task: Task, job: Partial<Job> = {}): Promise<LoadResult> {
  return runJob(
    { url: app.url, concurrency: 3, maxOperations: 6, maxMs: 30_000, mix: [{ share: 1, task }], ...job },
    { images, session },
  );
}

describe('runJob', () => {
  it('pushes images in both ways that can be pulled again', async () => {
    for (const mode of ['monolith', 'streamed'] as const) {
      const pushed = await run({ kind: 'push', mode, prefix: `${mode}/`, sizeBytes: 100_000 });
      expect(pushed).toMatchObject({ operations: 6, failures: 0 });
      expect(new Set(pushed.pushed.map(({ repository }) => repository)).size).toBe(6);
      expect(new Set(pushed.pushed.map(({ layer }) => layer.digest)).size).toBe(6);

      const pulled = await run({ kind: 'pull', images: pushed.pushed });
      expect(pulled).toMatchObject({ operations: 6, failures: 0 });
      expect(pulled.bytes).toBe(pushed.bytes);
    }
  });

  it('tags an image, refers to it, adds variants, and lists them', async () => {
    const { pushed } = await run(
      { kind: 'push', mode: 'monolith', prefix: 'one/', sizeBytes: 1_000 },
      { maxOperations: 1 },
    );
    const [image] = pushed;
    if (image === undefined) throw new Error('nothing was pushed');
    expect(await run({ kind: 'tag', image })).toMatchObject({ operations: 6, failures: 0 });
    expect(await run({ kind: 'refer', image })).toMatchObject({ operations: 6, failures: 0 });
    expect(await run({ kind: 'variant', images: [image] }, { firstOperation: 6 })).toMatchObject({
      failures: 0,
    });
    const { repository, manifestDigest } = image;
    const tags = await fetch(`${app.url}/v2/${repository}/tags/list`).then((response) => response.json());
    expect(tags).toMatchObject({ tags: ['latest', ...Array.from({ length: 12 }, (_, i) => `t${i}`).sort()] });
    const listed = await run({ kind: 'list', path: `/v2/${repository}/tags/list?n=2` }, { maxOperations: 1 });
    expect(listed).toMatchObject({ operations: 1, failures: 0 });
    const index = await fetch(`${app.url}/v2/${repository}/referrers/${manifestDigest}`);
    expect(await index.json()).toMatchObject({ manifests: { length: 6 } });
  });

  it('counts what is not answered as it should be, and stops when it is too much', async () => {
    const result = await run(
      { kind: 'request', method: 'HEAD', paths: ['/v2/nothing/manifests/latest'] },
      { maxOperations: 1_000 },
    );
    expect(result.operations).toBe(0);
    expect(result.failures).toBeLessThan(50);
    expect(result.firstFailure).toContain('404');
  });

  it('ends at its deadline', async () => {
    const result = await run(
      { kind: 'request', method: 'GET', paths: ['/v2/'] },
      { maxOperations: Number.MAX_SAFE_INTEGER, maxMs: 50 },
    );
    expect(result).toMatchObject({ failures: 0 });
    expect(result.operations).toBeGreaterThan(0);
  });
});

describe('chooser', () => {
  it('gives every task its share, mixed evenly and always in the same order', () => {
    const task = (path: string): Task => ({ kind: 'list', path });
    const mix = [
      { share: 75, task: task('a') },
      { share: 25, task: task('b') },
    ];
    const chosen = Array.from({ length: 100 }, (_, index) => chooser(mix)(index));
    const rare = chosen.filter((each) => each === mix[1]?.task).length;
    expect(rare).toBeGreaterThanOrEqual(23);
    expect(rare).toBeLessThanOrEqual(27);
    expect(chosen.slice(0, 10)).toContain(mix[1]?.task);
    expect(Array.from({ length: 100 }, (_, index) => chooser(mix)(index))).toEqual(chosen);
  });
});
