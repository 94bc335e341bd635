import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runKills } from '@zot-artifact-store/testkit/fault/kill-run.ts';
import { Ledger } from '@zot-artifact-store/testkit/fault/ledger.ts';
import { ociWorkload } from '@zot-artifact-store/testkit/fault/oci/oci-workload.ts';
import { Random } from '@zot-artifact-store/testkit/fault/random.ts';
import { expect, it } from 'vitest';
import { SEED } from './seed.ts';

/** `ZAS_FAULT_KILLS=300` for the long run. */
const KILLS = Number(process.env.ZAS_FAULT_KILLS ?? 20);
/** Short, so that the collector has something to do between two kills. */
const GRACE_MS = 4_000;

it(`loses nothing it acknowledged in ${KILLS} kills at random moments`, {
  timeout: 60_000 + KILLS * 20_000,
}, async () => {
  const folder = await mkdtemp(join(tmpdir(), 'zas-kill-'));
  const ledger = new Ledger();
  const random = new Random(SEED);
  await runKills(
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
  console.info(`seed ${SEED}: ${KILLS} kills, ${ledger.total} acknowledged operations`, ledger.counts);
  expect(ledger.total).toBeGreaterThan(KILLS);
  await rm(folder, { recursive: true, force: true });
});
