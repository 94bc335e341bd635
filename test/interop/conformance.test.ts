import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { parse } from 'yaml';
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

it('passes the conformance program of the distribution-spec with every switch on and nothing skipped', async () => {
  const results = join(session.folder, 'results');
  await session.run('env', [
    ...SWITCHES.map((name) => `${name}=true`),
    `OCI_REGISTRY=${session.registry}`,
    'OCI_TLS=disabled',
    'OCI_VERSION=dev',
    `OCI_USERNAME=${session.user}`,
    `OCI_PASSWORD=${session.password}`,
    `OCI_RESULTS_DIR=${results}`,
    'conformance',
  ]);
  // A registry that answers "unsupported" is skipped silently by the program, so its exit status is not enough.
  const report: { apis: Record<string, string>; data: Record<string, string> } = parse(
    await readFile(join(results, 'results.yaml'), 'utf8'),
  );
  const statuses = Object.entries({ ...report.apis, ...report.data });
  expect(statuses.length).toBeGreaterThan(40);
  expect(statuses.filter(([, status]) => status !== 'Pass')).toEqual([]);
  const junit = await readFile(join(results, 'junit.xml'), 'utf8');
  expect(junit).toMatch(/<testsuites [^>]*tests="[0-9]{4,}"/);
  expect(junit).not.toMatch(/<skipped|<failure|<error|skipped="[1-9]|failures="[1-9]|errors="[1-9]/);
});
