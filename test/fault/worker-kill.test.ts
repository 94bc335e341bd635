import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Ledger } from '@zot-artifact-store/testkit/fault/ledger.ts';
import { ociWorkload } from '@zot-artifact-store/testkit/fault/oci/oci-workload.ts';
import { Random } from '@zot-artifact-store/testkit/fault/random.ts';
import { runWorkerKills } from '@zot-artifact-store/testkit/fault/worker-kill-run.ts';
import { expect, it } from 'vitest';
import { SEED } from './seed.ts';

const GRACE_MS = 4_000;
/** More deaths within a minute are a crash loop, which ends the server. */
const KILLS = 7;

it('goes on when single workers are killed, and loses nothing it acknowledged', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'zas-worker-kill-'));
  const ledger = new Ledger();
  const random = new Random(SEED);
  const { lostRequests } = await runWorkerKills(
    {
      random,
      workers: 2,
      config: {
        storage: { rootDirectory: join(folder, 'data'), gcDelay: `${GRACE_MS}ms`, gcInterval: '200ms' },
        log: { level: 'warn' },
      },
      ledger,
      workloads: [ociWorkload({ ledger, random: random.fork('oci'), graceMs: GRACE_MS })],
    },
    { kills: KILLS },
  );
  expect(lostRequests).toBeGreaterThan(0);
  expect(ledger.total).toBeGreaterThan(100);
  await rm(folder, { recursive: true, force: true });
});
