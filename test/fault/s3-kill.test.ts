import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runKills } from '@zot-artifact-store/testkit/fault/kill-run.ts';
import { Ledger } from '@zot-artifact-store/testkit/fault/ledger.ts';
import { Random } from '@zot-artifact-store/testkit/fault/random.ts';
import { s3Workload } from '@zot-artifact-store/testkit/fault/s3/s3-workload.ts';
import { expect, it } from 'vitest';
import { SEED } from './seed.ts';

/** `ZAS_FAULT_KILLS=300` for the long run. */
const KILLS = Number(process.env.ZAS_FAULT_KILLS ?? 12);

it(`keeps objects, uploads, versions and locks through ${KILLS} kills at random moments`, {
  timeout: 60_000 + KILLS * 20_000,
}, async () => {
  const folder = await mkdtemp(join(tmpdir(), 'zas-s3-kill-'));
  const ledger = new Ledger();
  await runKills(
    {
      random: new Random(SEED),
      workers: 2,
      config: {
        storage: { rootDirectory: join(folder, 'data'), gcDelay: '2s', gcInterval: '200ms' },
        extensions: { s3: { minPartBytes: 1 } },
        log: { level: 'warn' },
      },
      ledger,
      workloads: [s3Workload({ ledger })],
    },
    { kills: KILLS },
  );
  console.info(`seed ${SEED}: ${KILLS} kills, ${ledger.total} acknowledged operations`, ledger.counts);
  expect(ledger.total).toBeGreaterThan(KILLS);
  await rm(folder, { recursive: true, force: true });
});
