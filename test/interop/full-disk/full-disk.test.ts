import { execFile, execFileSync } from 'node:child_process';
import { mkdtemp, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { RoundReport } from './rounds.ts';

const ROUNDS = fileURLToPath(new URL('./rounds.ts', import.meta.url));
const DISK_BYTES = 96 * 1024 * 1024;
const PATIENCE_MS = 600_000;

let folder = '';

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'zas-full-disk-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

/** Runs the rounds on a filesystem that only their processes see, and that ends with them; all of them end with `signal`. Needs root. */
async function runOn(mount: string, signal: AbortSignal): Promise<readonly RoundReport[]> {
  const script = `set -e; mkdir "$0/disk"; ${mount} "$0/disk"; exec "$1" "$2" "$0/disk"`;
  const args = [
    '--mount',
    '--pid',
    '--fork',
    '--kill-child',
    'sh',
    '-c',
    script,
    folder,
    process.execPath,
    ROUNDS,
  ];
  const { stdout } = await promisify(execFile)('unshare', args, { signal, maxBuffer: 16 * 1024 * 1024 });
  return JSON.parse(stdout);
}

function expectRecovery(reports: readonly RoundReport[]): void {
  expect(reports).toHaveLength(3);
  for (const report of reports) {
    expect(report.images).toBeGreaterThan(20);
    expect(report.freeBytesWhenFull).toBeLessThan(64 * 1024);
    for (const { status, body } of report.refusals) {
      expect(status).toBe(507);
      expect(JSON.parse(body)).toEqual({
        errors: [{ code: 'DENIED', message: expect.stringMatching(/room|full/) }],
      });
    }
    expect(report.refusals).toHaveLength(2);
    expect(report).toMatchObject({
      readBack: report.images,
      readAfterRestart: report.images,
      deleted: report.images,
      pushedAfter: true,
      // Versions and plain objects, the marker, the upload and its bucket.
      s3: {
        refused: 3,
        readAfterRestart: report.s3.objects,
        deleted: 2 * report.s3.objects + 3,
        putAfter: 200,
      },
    });
    expect(report.freeBytesAfter).toBeGreaterThan(report.images * 500_000);
  }
}

it('refuses, serves, deletes and recovers on a full tmpfs', { timeout: PATIENCE_MS }, async ({ signal }) => {
  expectRecovery(await runOn(`mount -t tmpfs -o size=${DISK_BYTES} tmpfs`, signal));
});

it('refuses, serves, deletes and recovers on a full ext4', { timeout: PATIENCE_MS }, async ({ signal }) => {
  const image = join(folder, 'image');
  await writeFile(image, '');
  await truncate(image, DISK_BYTES);
  // Nothing is set aside for root, whose file is to fill it.
  execFileSync('mkfs.ext4', ['-q', '-F', '-m', '0', image]);
  expectRecovery(await runOn(`mount -o loop '${image}'`, signal));
});
