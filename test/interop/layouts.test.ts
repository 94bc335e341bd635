import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type BuiltLayout, buildLayout } from './image-layout.ts';
import { openSession, type Session } from './session.ts';

const MAIN = fileURLToPath(new URL('../../packages/server/src/main.ts', import.meta.url));

let session: Session;
let layout: BuiltLayout;
beforeAll(async () => {
  session = await openSession();
  layout = await buildLayout(session.folder, 'v1');
});
afterAll(() => session.close());

/** The command line beside the running server, on its data folder. */
async function zas(
  ...args: readonly string[]
): Promise<{ readonly problems: unknown; readonly notes: unknown }> {
  const options = ['--data', join(session.folder, 'data'), '--json'];
  return JSON.parse((await session.run(process.execPath, [MAIN, ...args, ...options])).stdout);
}

const clean = { problems: [], notes: [], complete: true };
const remote = (reference: string) => `docker://${session.registry}/${reference}`;

/** Every blob of the image that was built is in the other layout, byte for byte. */
async function expectSame(other: string): Promise<void> {
  await session.run('sh', [
    '-c',
    `cd ${layout.folder}/blobs/sha256 && for blob in *; do cmp "$blob" ${other}/blobs/sha256/"$blob" || exit 1; done`,
  ]);
}

async function pullBack(reference: string, name: string): Promise<void> {
  const { run, folder } = session;
  const back = join(folder, name);
  await run('skopeo', ['copy', '--all', '--src-tls-verify=false', remote(reference), `oci:${back}:v1`]);
  await expectSame(back);
}

it('imports a layout that skopeo wrote, named with a whole reference', async () => {
  const { run, folder } = session;
  const written = join(folder, 'by-skopeo');
  await run('skopeo', ['copy', '--all', `oci:${layout.folder}:v1`, `oci:${written}:example.com/team/app:v1`]);
  expect(await zas('import', 'oci-layout', written, '--repository', 'skopeo/app')).toMatchObject(clean);
  await pullBack('skopeo/app:v1', 'skopeo-back');
});

it('imports a layout that oras wrote, with its referrers', async () => {
  const { run, folder, registry } = session;
  const written = join(folder, 'by-oras');
  await run('oras', ['copy', '--from-oci-layout', '--to-oci-layout', `${layout.folder}:v1`, `${written}:v1`]);
  await writeFile(join(folder, 'sbom.json'), '{"spdxVersion":"SPDX-2.3"}');
  const type = 'application/spdx+json';
  await run('oras', ['attach', '--oci-layout', '--artifact-type', type, `${written}:v1`, 'sbom.json']);
  expect(await zas('import', 'oci-layout', written, '--repository', 'oras/app')).toMatchObject(clean);
  await pullBack('oras/app:v1', 'oras-back');
  const found = JSON.parse(
    (await run('oras', ['discover', '--plain-http', '--format', 'json', `${registry}/oras/app:v1`])).stdout,
  );
  const referrers: { artifactType: string }[] = found.referrers ?? found.manifests;
  expect(referrers.map(({ artifactType }) => artifactType)).toEqual([type]);
});

it('imports layouts that regctl and crane wrote', async () => {
  const { run, folder, registry } = session;
  await run('regctl', ['image', 'copy', `ocidir://${layout.folder}:v1`, `ocidir://${folder}/by-regctl:v1`]);
  expect(
    await zas('import', 'oci-layout', join(folder, 'by-regctl'), '--repository', 'regctl/app'),
  ).toMatchObject(clean);
  await pullBack('regctl/app:v1', 'regctl-back');

  const byCrane = join(folder, 'by-crane');
  await run('crane', ['pull', '--insecure', '--format', 'oci', `${registry}/regctl/app:v1`, byCrane]);
  const named = ['--repository', 'crane/app', '--tag', 'v1'];
  expect(await zas('import', 'oci-layout', byCrane, ...named)).toMatchObject(clean);
  await pullBack('crane/app:v1', 'crane-back');
});

it('exports a layout that skopeo, oras and regctl read', async () => {
  const { run, folder, registry } = session;
  await run('regctl', ['registry', 'set', '--tls', 'disabled', registry]);
  await run('regctl', ['image', 'copy', `ocidir://${layout.folder}:v1`, `${registry}/export/app:v1`]);
  await writeFile(join(folder, 'note.txt'), 'signed');
  const type = 'application/vnd.example.note';
  await run('oras', [
    'attach',
    '--plain-http',
    '--artifact-type',
    type,
    `${registry}/export/app:v1`,
    'note.txt',
  ]);
  const out = join(folder, 'exported');
  expect(await zas('export', 'oci-layout', out, '--repository', 'export/app')).toMatchObject(clean);
  await expectSame(out);

  await run('skopeo', ['copy', '--all', `oci:${out}:v1`, `oci:${folder}/skopeo-read:v1`]);
  await expectSame(join(folder, 'skopeo-read'));
  await run('oras', [
    'copy',
    '--recursive',
    '--from-oci-layout',
    '--to-oci-layout',
    `${out}:v1`,
    `${folder}/oras-read:v1`,
  ]);
  await expectSame(join(folder, 'oras-read'));
  const { manifests } = JSON.parse(await readFile(join(folder, 'oras-read/index.json'), 'utf8'));
  expect(manifests.map((entry: { artifactType?: string }) => entry.artifactType)).toContain(type);
  await run('regctl', ['image', 'copy', `ocidir://${out}:v1`, `ocidir://${folder}/regctl-read:v1`]);
  await expectSame(join(folder, 'regctl-read'));
});

it('exports all repositories as a tree and takes it back into another store', async () => {
  const { run, folder } = session;
  const tree = join(folder, 'tree');
  expect(await zas('export', 'oci-layout', tree)).toMatchObject(clean);
  await expectSame(join(tree, 'skopeo/app'));
  const other = ['--data', join(folder, 'other'), '--json'];
  const imported = await run(process.execPath, [MAIN, 'import', 'zot', tree, ...other]);
  expect(JSON.parse(imported.stdout)).toMatchObject(clean);
});
