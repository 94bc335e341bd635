import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type RunningApp, startApp } from '@zot-artifact-store/testkit/in-process-app.ts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runCli } from '../run-cli.ts';

let server: RunningApp;
let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'zas-policy-'));
  server = await startApp({ config: { http: { auth: { failDelay: 0 } } } });
});
afterAll(async () => {
  await server.close();
  await rm(folder, { recursive: true, force: true });
});

const DEVELOPER = `{
  "Version": "2012-10-17",
  "Statement": [
    {
      "Sid": "Team",
      "Effect": "Allow",
      "Action": ["oci:Pull", "oci:Push"],
      "Resource": "arn:zas:oci:::team-a/*"
    }
  ]
}
`;

async function zas(args: readonly string[], input = '') {
  const [, encoded = ''] = server.rootAuthorization.split(' ');
  const password = Buffer.from(encoded, 'base64').toString().slice('root:'.length);
  const out: string[] = [];
  const err: string[] = [];
  const terminal = {
    env: { ZAS_SERVER: server.url, ZAS_ROOT_PASSWORD: password },
    cwd: folder,
    cores: 1,
    print: (text: string) => void out.push(text),
    complain: (text: string) => void err.push(text),
    readInput: async () => input,
  };
  const code = await runCli(['policy', ...args], terminal, {
    serve: async () => {},
    checkExtensions: async () => [],
    openStore: () => Promise.reject(new Error('no store is needed')),
  });
  return { code, out: out.join('\n'), err: err.join('\n') };
}

const write = (name: string, text: string) => writeFile(join(folder, name), text);

describe('zas policy', () => {
  it('puts, shows, attaches, explains, goes back and deletes', async () => {
    await write('developer.json', DEVELOPER);
    expect(await zas(['put', 'developer', 'developer.json'])).toMatchObject({
      code: 0,
      out: 'Version 1 of developer is in force.',
    });
    expect((await zas(['put', 'developer', '-'], DEVELOPER.replace('"oci:Pull", ', ''))).out).toContain(
      'Version 2',
    );
    expect((await zas(['show', 'developer', '1'])).out).toBe(DEVELOPER.trimEnd());
    expect((await zas(['history', 'developer'])).out).toMatch(/version +since +by\n2 .*root\n1 .*root/);
    expect((await zas(['rollback', 'developer', '1'])).out).toContain('in force again, as version 3');
    expect((await zas(['attach', 'developer', 'role:developer', 'user:alice'])).out).toBe(
      'developer is attached to role:developer.\ndeveloper is attached to user:alice.',
    );
    expect((await zas(['list', '--attached-to', 'user:alice'])).out).toContain('developer');
    expect((await zas(['show', 'developer', '--attachments'])).out).toContain('role:developer');
    const question = ['--action', 'oci:Push', '--resource', 'arn:zas:oci:::team-a/app'];
    const asBob = await zas(['explain', '--as', 'bob', '--role', 'developer', ...question]);
    expect(asBob).toMatchObject({ code: 0 });
    expect(asBob.out).toContain('Allowed:     oci:Push on arn:zas:oci:::team-a/app');
    expect(asBob.out).toContain('policy "developer", statement Team');
    expect((await zas(['explain', '--as', 'bob', ...question])).out).toContain('Nothing allows it.');
    expect((await zas(['delete', 'developer'])).code).toBe(1);
    await zas(['detach', 'developer', 'role:developer', 'user:alice']);
    expect((await zas(['delete', 'developer'])).out).toBe('developer is deleted.');
    expect((await zas(['list'])).out).not.toContain('developer');
  });

  it('lists what is built in, as JSON too', async () => {
    expect((await zas(['list'])).out).toMatch(/bucket-owner +built-in/);
    const { items } = JSON.parse((await zas(['list', '--json'])).out);
    expect(items).toContainEqual({ name: 'admin', source: 'built-in' });
  });

  it('keeps policies of repositories by the name of the repository', async () => {
    const own = DEVELOPER.replace('"Sid"', '"Principal": "*", "Sid"');
    expect((await zas(['put', '--repository', 'team-a', '-'], own)).code).toBe(0);
    expect((await zas(['list', '--repository'])).out).toContain('team-a');
    expect((await zas(['put', '--repository', 'team-b', '-'], own)).code).toBe(1);
    expect((await zas(['delete', '--repository', 'team-a'])).code).toBe(0);
  });

  it('stores nothing that is wrong, and names the file, the line and the column', async () => {
    await write('broken.json', DEVELOPER.replace('oci:Push', 'oci:Fly').replace('arn:zas', 'arn:aws'));
    const message = [
      'broken.json:7:30 Statement[0].Action[1]: "oci:Fly" is not an action of this server',
      'broken.json:8:19 Statement[0].Resource[0]: "arn:aws:oci:::team-a/*": the partition "aws" has the services s3',
    ].join('\n');
    expect(await zas(['put', 'broken', 'broken.json'])).toEqual({ code: 1, out: '', err: message });
    expect(await zas(['validate', 'broken.json'])).toEqual({ code: 1, out: message, err: '' });
    expect((await zas(['show', 'broken'])).code).toBe(1);
    await write('developer.json', DEVELOPER);
    expect((await zas(['validate', 'developer.json'])).out).toBe('developer.json is valid.');
    expect((await zas(['validate', 'gone.json'])).err).toContain('gone.json cannot be read (ENOENT)');
  });

  it('tests a file of cases by the policies in it, without a server', async () => {
    await write(
      'cases.yaml',
      [
        'policies:',
        '  developer:',
        '    Version: "2012-10-17"',
        '    Statement:',
        '      - { Effect: Allow, Action: "oci:Push", Resource: "arn:zas:oci:::team-a/*" }',
        'attachments:',
        '  role:developer: [developer]',
        'cases:',
        '  - { as: { user: alice, roles: [developer] }, action: oci:Push, resource: "arn:zas:oci:::team-a/x", expect: allow }',
        '  - { as: { user: alice }, action: oci:Push, resource: "arn:zas:oci:::team-a/x", expect: deny }',
        '  - { name: everybody pulls, action: oci:Pull, resource: "arn:zas:oci:::team-a/x", expect: allow }',
      ].join('\n'),
    );
    expect(await zas(['test', 'cases.yaml', '--server', 'http://127.0.0.1:1'])).toMatchObject({
      code: 1,
      out: 'everybody pulls: expected allow, and it is deny (nothing allows it)\n2 of 3 cases came out as expected.',
    });
  });

  it('tests a file of cases by what a server has', async () => {
    const cases = [
      { as: { user: 'root' }, action: 'oci:Pull', resource: 'arn:zas:oci:::x', expect: 'allow' },
    ];
    expect(await zas(['test', '-'], JSON.stringify({ cases }))).toMatchObject({
      code: 0,
      out: '1 of 1 cases came out as expected.',
    });
    const wrong = await zas(
      ['test', '-'],
      JSON.stringify({ cases: [{ action: 'x' }], policies: { admin: {} } }),
    );
    expect(wrong.code).toBe(1);
    expect(wrong.err).toContain('cases[0].action must be an action');
  });

  it('says what is wrong with how it is called', async () => {
    expect((await zas(['rollback', 'developer', 'last'])).code).toBe(2);
    const question = ['explain', '--action', 'oci:Pull', '--resource', 'arn:zas:oci:::x'];
    expect((await zas([...question, '--context', 'nothing'])).code).toBe(2);
    expect((await zas([...question, '--context', 'aws:SourceIp=192.0.2.1', 'oci:tag=v1'])).code).toBe(0);
  });
});
