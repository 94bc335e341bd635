import { afterAll, beforeAll, expect, it } from 'vitest';
import { type BuiltLayout, buildLayout } from './image-layout.ts';
import { openSession, type Session } from './session.ts';

let session: Session;
let layout: BuiltLayout;
beforeAll(async () => {
  session = await openSession();
  layout = await buildLayout(session.folder, 'v1');
  await session.run('regctl', ['registry', 'set', session.registry, '--tls', 'disabled']);
});
afterAll(() => session.close());

it('pushes, lists, copies, pulls back and deletes a multi-platform image', async () => {
  const { run, registry } = session;
  await run('regctl', ['image', 'copy', `ocidir://${layout.folder}:v1`, `${registry}/regctl/app:v1`]);
  expect((await run('regctl', ['image', 'digest', `${registry}/regctl/app:v1`])).stdout.trim()).toBe(
    layout.indexDigest,
  );
  expect((await run('regctl', ['tag', 'ls', `${registry}/regctl/app`])).stdout.trim()).toBe('v1');
  expect((await run('regctl', ['repo', 'ls', registry])).stdout).toContain('regctl/app');

  await run('regctl', ['image', 'copy', `${registry}/regctl/app:v1`, `${registry}/regctl/copy:v1`]);
  await run('regctl', [
    'image',
    'copy',
    `${registry}/regctl/copy:v1`,
    `ocidir://${session.folder}/regctl-back:v1`,
  ]);
  await run('sh', [
    '-c',
    `cd ${layout.folder}/blobs/sha256 && for blob in *; do cmp "$blob" ${session.folder}/regctl-back/blobs/sha256/"$blob"; done`,
  ]);

  await run('regctl', ['tag', 'delete', `${registry}/regctl/copy:v1`]);
  await session.mustFail('regctl', ['manifest', 'head', `${registry}/regctl/copy:v1`]);
  await run('regctl', ['manifest', 'head', `${registry}/regctl/copy@${layout.indexDigest}`]);
  await run('regctl', ['manifest', 'delete', `${registry}/regctl/copy@${layout.indexDigest}`]);
  await session.mustFail('regctl', ['manifest', 'head', `${registry}/regctl/copy@${layout.indexDigest}`]);
});

it('uploads a large blob in chunks and reads it back', async () => {
  const { run, registry } = session;
  await run('sh', ['-c', `head -c 20000000 /dev/urandom > ${session.folder}/chunked`]);
  await run('regctl', [
    'registry',
    'set',
    registry,
    '--tls',
    'disabled',
    '--blob-chunk',
    '3000000',
    '--blob-max',
    '5000000',
  ]);
  const digest = (
    await run('sh', ['-c', `regctl blob put ${registry}/regctl/chunked < ${session.folder}/chunked`])
  ).stdout.trim();
  await run('sh', [
    '-c',
    `regctl blob get ${registry}/regctl/chunked ${digest} | cmp - ${session.folder}/chunked`,
  ]);
});
