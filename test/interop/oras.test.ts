import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type BuiltLayout, buildLayout } from './image-layout.ts';
import { openSession, type Session } from './session.ts';

let session: Session;
let layout: BuiltLayout;
beforeAll(async () => {
  session = await openSession();
  layout = await buildLayout(session.folder, 'v1');
});
afterAll(() => session.close());

it('copies a multi-platform image in and out, lists its tags and deletes it', async () => {
  const { run, registry } = session;
  await run('oras', [
    'copy',
    '--recursive',
    '--to-plain-http',
    '--from-oci-layout',
    `${layout.folder}:v1`,
    `${registry}/oras/app:v1`,
  ]);
  await run('oras', ['tag', '--plain-http', `${registry}/oras/app:v1`, 'v2']);
  expect(
    (await run('oras', ['repo', 'tags', '--plain-http', `${registry}/oras/app`])).stdout
      .split('\n')
      .filter(Boolean),
  ).toEqual(['v1', 'v2']);
  expect((await run('oras', ['repo', 'ls', '--plain-http', registry])).stdout).toContain('oras/app');
  await run('oras', [
    'copy',
    '--recursive',
    '--from-plain-http',
    '--to-plain-http',
    `${registry}/oras/app:v1`,
    `${registry}/oras/copy:v1`,
  ]);
  await run('oras', [
    'copy',
    '--from-plain-http',
    '--to-oci-layout',
    `${registry}/oras/copy:v1`,
    `${session.folder}/oras-back:v1`,
  ]);
  await run('sh', [
    '-c',
    `cd ${layout.folder}/blobs/sha256 && for blob in *; do cmp "$blob" ${session.folder}/oras-back/blobs/sha256/"$blob"; done`,
  ]);
  await run('oras', ['manifest', 'delete', '--plain-http', '--force', `${registry}/oras/copy:v1`]);
  await session.mustFail('oras', ['manifest', 'fetch', '--plain-http', `${registry}/oras/copy:v1`]);
});

it('attaches an SBOM to an image and discovers it through the referrers API', async () => {
  const { run, registry, folder } = session;
  await writeFile(join(folder, 'sbom.json'), '{"spdxVersion":"SPDX-2.3"}');
  await run('oras', [
    'attach',
    '--plain-http',
    '--artifact-type',
    'application/spdx+json',
    `${registry}/oras/app:v1`,
    'sbom.json',
  ]);
  const found = JSON.parse(
    (await run('oras', ['discover', '--plain-http', '--format', 'json', `${registry}/oras/app:v1`])).stdout,
  );
  const referrers: { artifactType: string; digest: string }[] = found.referrers ?? found.manifests;
  expect(referrers.map((referrer) => referrer.artifactType)).toEqual(['application/spdx+json']);
  await run('oras', [
    'pull',
    '--plain-http',
    '-o',
    `${folder}/pulled`,
    `${registry}/oras/app@${referrers[0]?.digest}`,
  ]);
  await run('cmp', [`${folder}/sbom.json`, `${folder}/pulled/sbom.json`]);
});

it('pushes and pulls plain files', async () => {
  const { run, registry, folder } = session;
  await run('sh', ['-c', `head -c 3000000 /dev/urandom > ${folder}/backup.bin`]);
  await run('oras', ['push', '--plain-http', `${registry}/oras/files:1`, 'backup.bin']);
  await run('oras', ['pull', '--plain-http', '-o', `${folder}/files`, `${registry}/oras/files:1`]);
  await run('cmp', [`${folder}/backup.bin`, `${folder}/files/backup.bin`]);
});
