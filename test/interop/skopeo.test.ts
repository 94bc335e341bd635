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

const remote = (reference: string) => `docker://${session.registry}/${reference}`;

it('pushes, lists, copies, pulls back and deletes a multi-platform image', async () => {
  const { run } = session;
  await run('skopeo', [
    'copy',
    '--all',
    '--dest-tls-verify=false',
    `oci:${layout.folder}:v1`,
    remote('skopeo/app:v1'),
  ]);

  const tags = JSON.parse(
    (await run('skopeo', ['list-tags', '--tls-verify=false', remote('skopeo/app')])).stdout,
  );
  expect(tags.Tags).toEqual(['v1']);

  await run('skopeo', [
    'copy',
    '--all',
    '--src-tls-verify=false',
    '--dest-tls-verify=false',
    remote('skopeo/app:v1'),
    remote('skopeo/copy:v1'),
  ]);
  const raw = await run('skopeo', ['inspect', '--raw', '--tls-verify=false', remote('skopeo/copy:v1')]);
  expect(JSON.parse(raw.stdout).manifests.map((entry: { digest: string }) => entry.digest)).toEqual(
    layout.manifestDigests,
  );

  await run('skopeo', [
    'copy',
    '--all',
    '--src-tls-verify=false',
    remote('skopeo/copy:v1'),
    `oci:${session.folder}/back:v1`,
  ]);
  await run('sh', [
    '-c',
    `cd ${layout.folder}/blobs/sha256 && for blob in *; do cmp "$blob" ${session.folder}/back/blobs/sha256/"$blob"; done`,
  ]);

  await run('skopeo', ['delete', '--tls-verify=false', remote('skopeo/app:v1')]);
  await session.mustFail('skopeo', ['inspect', '--tls-verify=false', remote('skopeo/app:v1')]);
  await run('skopeo', ['inspect', '--tls-verify=false', remote('skopeo/copy:v1')]);
});

it('is told that a wrong password is wrong', async () => {
  const refused = await session.mustFail('skopeo', [
    'list-tags',
    '--tls-verify=false',
    '--creds',
    'root:wrong',
    remote('skopeo/copy'),
  ]);
  expect(refused.stderr).toMatch(/unauthorized|authentication required|invalid username\/password/i);
});
