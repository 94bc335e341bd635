import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type ConformanceReport, readConformanceReport } from './conformance-report.ts';
import { startProxy } from './rewriting-proxy.ts';
import { openSession, type Session } from './session.ts';

let session: Session;
beforeAll(async () => {
  session = await openSession();
});
afterAll(() => session.close());

/** Every switch of the program, so that nothing is left out when its defaults change. */
const SWITCHES = [
  'OCI_API_PING',
  'OCI_API_PULL',
  'OCI_API_PUSH',
  'OCI_API_BLOBS_ATOMIC',
  'OCI_API_BLOBS_DELETE',
  'OCI_API_BLOBS_DIGEST_HEADER',
  'OCI_API_BLOBS_MOUNT_ANONYMOUS',
  'OCI_API_BLOBS_UPLOAD_CANCEL',
  'OCI_API_MANIFESTS_ATOMIC',
  'OCI_API_MANIFESTS_DELETE',
  'OCI_API_MANIFESTS_DIGEST_HEADER',
  'OCI_API_MANIFESTS_TAG_PARAM',
  'OCI_API_TAGS_ATOMIC',
  'OCI_API_TAGS_DELETE',
  'OCI_API_TAGS_LIST',
  'OCI_API_REFERRER',
  'OCI_DATA_IMAGE',
  'OCI_DATA_INDEX',
  'OCI_DATA_INDEX_LIST',
  'OCI_DATA_SPARSE',
  'OCI_DATA_ARTIFACT',
  'OCI_DATA_SUBJECT',
  'OCI_DATA_SUBJECT_MISSING',
  'OCI_DATA_ARTIFACT_LIST',
  'OCI_DATA_SUBJECT_LIST',
  'OCI_DATA_DATA_FIELD',
  'OCI_DATA_NONDISTRIBUTABLE',
  'OCI_DATA_CUSTOM_FIELDS',
  'OCI_DATA_NO_LAYERS',
  'OCI_DATA_EMPTY_BLOB',
  'OCI_DATA_SHA512',
];

interface Target {
  /** host:port */
  readonly registry: string;
  readonly results: string;
}

async function runConformance({ registry, results }: Target): Promise<ConformanceReport> {
  await session.run('env', [
    ...SWITCHES.map((name) => `${name}=true`),
    `OCI_REGISTRY=${registry}`,
    'OCI_TLS=disabled',
    'OCI_VERSION=dev',
    `OCI_USERNAME=${session.user}`,
    `OCI_PASSWORD=${session.password}`,
    `OCI_RESULTS_DIR=${results}`,
    'conformance',
  ]);
  return readConformanceReport(results);
}

it('passes the conformance program of the distribution-spec with every switch on and nothing skipped', async () => {
  const { registry, folder } = session;
  const report = await runConformance({ registry, results: join(folder, 'results') });
  expect(report.unpassed).toEqual([]);
  expect(report.switchedOff).toEqual([]);
  expect(report.tests).toBeGreaterThan(800);
});

it('would be told of what the program skips without failing', async () => {
  // The program takes a mount that ends in an upload for a registry that does not mount, and skips in silence.
  await using proxy = await startProxy(session.registry, (target) => target.replace(/\?.*mount=.*/, ''));
  const report = await runConformance({
    registry: proxy.registry,
    results: join(session.folder, 'results-without-mount'),
  });
  expect(report.unpassed.join('\n')).toMatch(/mount.*: skipped/);
  expect(report.unpassed).toContainEqual(expect.stringMatching(/^skipped: [1-9]/));
});
