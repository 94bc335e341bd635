import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { openSession, type Session } from './session.ts';

let session: Session;
beforeAll(async () => {
  session = await openSession();
  await writeFile(join(session.folder, 'policy.json'), '{"default":[{"type":"insecureAcceptAnything"}]}');
});
afterAll(() => session.close());

const storage = () => [
  '--root',
  `${session.folder}/storage`,
  '--runroot',
  `${session.folder}/run`,
  '--storage-driver',
  'vfs',
];

it('builds an image from files, pushes it as an index for two platforms, pulls it back and deletes it', async () => {
  const { run, registry, folder } = session;
  const buildah = (...args: string[]) => run('buildah', [...storage(), ...args]);
  await buildah('manifest', 'create', 'app');
  for (const architecture of ['amd64', 'arm64']) {
    const container = (await buildah('from', '--arch', architecture, 'scratch')).stdout.trim();
    await buildah('copy', container, '/bin/sh', '/bin/sh');
    await buildah(
      'config',
      '--arch',
      architecture,
      '--os',
      'linux',
      '--env',
      `FOR=${architecture}`,
      container,
    );
    await buildah('commit', '--manifest', 'app', container);
  }
  await buildah(
    'manifest',
    'push',
    '--all',
    '--tls-verify=false',
    'app',
    `docker://${registry}/buildah/app:v1`,
  );

  const index = JSON.parse(
    (await run('skopeo', ['inspect', '--raw', '--tls-verify=false', `docker://${registry}/buildah/app:v1`]))
      .stdout,
  );
  expect(
    index.manifests
      .map((entry: { platform: { architecture: string } }) => entry.platform.architecture)
      .sort(),
  ).toEqual(['amd64', 'arm64']);

  const podman = [
    '--root',
    `${folder}/podman`,
    '--runroot',
    `${folder}/podman-run`,
    '--storage-driver',
    'vfs',
  ];
  await run('podman', [...podman, 'pull', '--tls-verify=false', `${registry}/buildah/app:v1`]);
  await run('podman', [
    ...podman,
    'push',
    '--tls-verify=false',
    `${registry}/buildah/app:v1`,
    `${registry}/podman/copy:v1`,
  ]);
  const tags = JSON.parse(
    (await run('skopeo', ['list-tags', '--tls-verify=false', `docker://${registry}/podman/copy`])).stdout,
  );
  expect(tags.Tags).toEqual(['v1']);

  await run('skopeo', ['delete', '--tls-verify=false', `docker://${registry}/buildah/app:v1`]);
  await session.mustFail('podman', [...podman, 'pull', '--tls-verify=false', `${registry}/buildah/app:v1`]);
});
