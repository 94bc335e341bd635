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

it('pushes, lists, copies, pulls back and deletes a multi-platform image', async () => {
  const { run, registry } = session;
  await run('crane', ['push', '--index', layout.folder, `${registry}/crane/app:v1`]);
  const pushed = (await run('crane', ['digest', `${registry}/crane/app:v1`])).stdout.trim();

  await run('crane', ['tag', `${registry}/crane/app@${pushed}`, 'v2']);
  expect((await run('crane', ['ls', `${registry}/crane/app`])).stdout.split('\n').filter(Boolean)).toEqual([
    'v1',
    'v2',
  ]);
  expect((await run('crane', ['catalog', registry])).stdout).toContain('crane/app');

  await run('crane', ['copy', `${registry}/crane/app:v1`, `${registry}/crane/copy:v1`]);
  expect((await run('crane', ['digest', `${registry}/crane/copy:v1`])).stdout.trim()).toBe(pushed);
  await run('crane', ['validate', '--remote', `${registry}/crane/copy:v1`]);
  await run('crane', [
    'pull',
    '--format',
    'oci',
    `${registry}/crane/copy:v1`,
    `${session.folder}/crane-back`,
  ]);

  await run('crane', ['delete', `${registry}/crane/app:v2`]);
  expect((await run('crane', ['ls', `${registry}/crane/app`])).stdout.trim()).toBe('v1');
  await run('crane', ['delete', `${registry}/crane/app@${pushed}`]);
  await session.mustFail('crane', ['manifest', `${registry}/crane/app:v1`]);
});
