import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type RunningServer, startServer } from '@zot-artifact-store/testkit';
import { killAll, processTree } from '@zot-artifact-store/testkit/fault/process-tree.ts';
import { afterEach, beforeEach, expect, it } from 'vitest';

let folder = '';
let server: RunningServer;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'zas-lease-'));
});
afterEach(async () => {
  await server.kill('SIGKILL');
  await rm(folder, { recursive: true, force: true });
});

async function start(workers: number, gcInterval: string): Promise<void> {
  const storage = { rootDirectory: join(folder, 'data'), gcDelay: '1h', gcInterval };
  server = await startServer({ workers, config: { storage } });
}

/** When the collector has ended its runs, oldest first, whichever worker it was. */
function collections(): number[] {
  return server
    .logs()
    .split('\n')
    .filter((line) => line.includes('"garbage collected"'))
    .map((line) => Date.parse(JSON.parse(line).time));
}

it('runs a background job once per interval, however many workers there are', async () => {
  const intervalMs = 500;
  await start(4, `${intervalMs}ms`);
  const runs = 10;
  await expect.poll(() => collections().length, { timeout: 60_000 }).toBeGreaterThanOrEqual(runs);
  const ends = collections();
  const spanMs = (ends.at(-1) ?? 0) - (ends[0] ?? 0);
  // So many begin in that time when each waits for the one before; four that do not would be four times as many.
  expect(ends.length).toBeLessThanOrEqual(spanMs / intervalMs + 2);
});

it('runs a job that is due at the start once, although every worker starts', async () => {
  await start(4, '0');
  await expect.poll(() => collections().length, { timeout: 60_000 }).toBe(1);
  // Each of them has come far enough to have tried, and was told that it was done.
  await server.stop();
  expect(collections()).toHaveLength(1);
});

it('goes on with the jobs of a worker that was killed', async () => {
  await start(2, '200ms');
  for (let death = 0; death < 2; death++) {
    const [, victim] = await processTree(server.pid);
    if (victim !== undefined) killAll([victim]);
    const before = collections().length;
    // One that died in the middle of a run keeps the lease until it ends.
    await expect.poll(() => collections().length, { timeout: 50_000 }).toBeGreaterThan(before + 1);
  }
});
