import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { openSession, type Session } from './session.ts';

let session: Session;
beforeAll(async () => {
  session = await openSession();
});
afterAll(() => session.close());

it('logs in, pushes a chart and pulls it back', async () => {
  const { run, registry, folder } = session;
  await run('helm', ['create', 'demo']);
  await run('helm', ['package', 'demo']);
  await run('helm', [
    'registry',
    'login',
    registry,
    '--plain-http',
    '-u',
    session.user,
    '-p',
    session.password,
  ]);
  await run('helm', ['push', '--plain-http', 'demo-0.1.0.tgz', `oci://${registry}/charts`]);
  expect(
    (await run('helm', ['show', 'chart', '--plain-http', `oci://${registry}/charts/demo`])).stdout,
  ).toContain('name: demo');
  const back = join(folder, 'charts-back');
  await mkdir(back);
  await run('helm', [
    'pull',
    '--plain-http',
    '-d',
    back,
    `oci://${registry}/charts/demo`,
    '--version',
    '0.1.0',
  ]);
  await run('cmp', ['demo-0.1.0.tgz', join(back, 'demo-0.1.0.tgz')]);
});
