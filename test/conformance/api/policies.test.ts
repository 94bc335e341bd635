import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type RunningApp, startApp } from '@zot-artifact-store/testkit/in-process-app.ts';
import bcrypt from 'bcrypt';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

let folder = '';
let app: RunningApp;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'zas-policies-'));
  const users = ['alice', 'ann', 'bob'].map((user) => `${user}:${bcrypt.hashSync(user, 4)}\n`);
  await writeFile(join(folder, 'htpasswd'), users.join(''));
  app = await startApp({
    config: {
      http: { auth: { htpasswd: { path: join(folder, 'htpasswd') } }, accessControl: {} },
      extensions: {
        rbac: {
          policies: { declared: allow('oci:Pull', 'arn:zas:oci:::declared') },
          attachments: { 'user:ann': ['auditor'] },
          repositoryPolicies: { open: allow('oci:Pull', 'arn:zas:oci:::open', { Principal: '*' }) },
        },
      },
    },
  });
});
afterAll(async () => {
  await app.close();
  await rm(folder, { recursive: true, force: true });
});

function allow(action: string, resource: string, rest: object = {}): object {
  return {
    Version: '2012-10-17',
    Statement: [{ Effect: 'Allow', Action: action, Resource: resource, ...rest }],
  };
}

interface Answer {
  readonly status: number;
  readonly json: unknown;
  readonly etag: string;
}

async function ask(
  method: string,
  path: string,
  {
    as = 'root',
    body,
    headers = {},
  }: { readonly as?: string; readonly body?: unknown; readonly headers?: Record<string, string> } = {},
): Promise<Answer> {
  const login = `Basic ${Buffer.from(`${as}:${as}`).toString('base64')}`;
  const response = await fetch(`${app.url}${path.startsWith('/v2') ? '' : '/-/api/v1'}${path}`, {
    method,
    headers: {
      authorization: as === 'root' ? app.rootAuthorization : login,
      ...(body !== undefined && { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  return {
    status: response.status,
    json: text === '' ? undefined : JSON.parse(text),
    etag: response.headers.get('etag') ?? '',
  };
}

const put = (name: string, document: unknown, headers: Record<string, string> = {}) =>
  ask('PUT', `/policies/${name}`, { body: { document }, headers });
const pullStatus = async (as: string, repository: string): Promise<number> =>
  (await ask('GET', `/v2/${repository}/tags/list`, { as })).status;

describe('policies, by the API', () => {
  it('count from the next request on once they are attached, and no more once they are not', async () => {
    expect(await put('team', allow('oci:*', 'arn:zas:oci:::team/*'))).toMatchObject({
      status: 200,
      json: { name: 'team', source: 'api', version: 1, changedBy: 'root' },
    });
    expect(await pullStatus('alice', 'team/app')).toBe(403);
    expect((await ask('PUT', '/policies/team/attachments/user:alice')).status).toBe(204);
    expect(await pullStatus('alice', 'team/app')).toBe(404);
    expect(await pullStatus('alice', 'other')).toBe(403);
    expect((await ask('GET', '/attachments/user:alice')).json).toEqual({
      items: [{ policy: 'team', source: 'api' }],
    });
    expect((await ask('GET', '/policies/team/attachments')).json).toEqual({
      items: [{ target: 'user:alice', source: 'api' }],
    });
    expect((await ask('DELETE', '/policies/team')).status).toBe(409);
    expect((await ask('DELETE', '/policies/team/attachments/user:alice')).status).toBe(204);
    expect(await pullStatus('alice', 'team/app')).toBe(403);
    expect((await ask('DELETE', '/policies/team')).status).toBe(204);
    expect((await ask('GET', '/policies/team')).status).toBe(404);
  });

  it('have versions to go back to, and their text as it was put', async () => {
    const text =
      '{\n  "Version": "2012-10-17",\n\n  "Statement": { "Effect": "Allow", "Action": "*", "Resource": "*" }\n}';
    await put('versions', text);
    await put('versions', allow('oci:Pull', '*'));
    expect((await ask('GET', '/policies/versions?version=1')).json).toMatchObject({ document: text });
    expect(await ask('POST', '/policies/versions/rollback', { body: { version: 1 } })).toMatchObject({
      json: { version: 3 },
    });
    expect((await ask('GET', '/policies/versions')).json).toMatchObject({ version: 3, document: text });
    expect((await ask('GET', '/policies/versions/versions')).json).toMatchObject({
      items: [{ version: 3, changedBy: 'root' }, { version: 2 }, { version: 1 }],
    });
    expect((await ask('GET', '/policies/versions?version=9')).status).toBe(404);
  });

  it('are not stored when they are not valid, and every problem has its line and column', async () => {
    const text =
      '{\n "Version": "2012-10-17",\n "Statement": {"Effect": "Allow", "Action": "oci:Fly",\n  "Resource": "x"}}';
    const refused = await put('broken', text);
    expect(refused).toMatchObject({
      status: 400,
      json: {
        error: {
          message:
            'the policy is not valid: 3:45 Statement.Action[0]: "oci:Fly" is not an action of this server (and 1 more)',
          detail: {
            findings: [
              { line: 3, column: 45 },
              { line: 4, column: 15, place: 'Statement.Resource[0]' },
            ],
          },
        },
      },
    });
    expect((await ask('GET', '/policies/broken')).status).toBe(404);
    expect((await put('bad%20name', allow('*', '*'))).status).toBe(400);
    expect((await put('p', allow('admin:PutPolicy', '*'))).status).toBe(200);
    expect((await put('p', allow('admin:PutPolizei', '*'))).status).toBe(400);
    expect((await ask('PUT', '/policies/p/attachments/alice')).status).toBe(400);
    expect((await ask('PUT', '/policies/nothing/attachments/user:alice')).status).toBe(404);
  });

  it('that are built in or declared are shown and stay', async () => {
    const listed = (await ask('GET', '/policies?limit=3')).json;
    expect(listed).toMatchObject({ items: [{ name: 'admin', source: 'built-in' }, {}, {}] });
    const { next } = listed as { next: string };
    expect((await ask('GET', `/policies?limit=2&after=${next}`)).json).toMatchObject({
      items: [{ name: 'declared', source: 'config' }, {}],
    });
    expect((await ask('GET', '/policies/declared')).json).toMatchObject({
      source: 'config',
      document: expect.stringContaining('arn:zas:oci:::declared'),
    });
    for (const name of ['admin', 'declared']) {
      expect((await put(name, allow('*', '*'))).status).toBe(409);
      expect((await ask('DELETE', `/policies/${name}`)).status).toBe(409);
    }
    expect((await ask('DELETE', '/policies/auditor/attachments/user:ann')).status).toBe(409);
    expect((await ask('PUT', '/policies/puller/attachments/user:bob')).status).toBe(204);
    expect(await pullStatus('bob', 'anything')).toBe(404);
    await ask('DELETE', '/policies/puller/attachments/user:bob');
  });

  it('are changed by somebody who saw what is there, when the request asks for that', async () => {
    await put('guarded', allow('oci:Pull', '*'));
    const { etag } = await ask('GET', '/policies/guarded');
    await put('guarded', allow('oci:Push', '*'));
    expect((await put('guarded', allow('*', '*'), { 'if-match': etag })).status).toBe(412);
    expect((await put('guarded', allow('*', '*'), { 'if-none-match': '*' })).status).toBe(412);
  });

  it('of repositories are put by the name of the repository, and let anonymous clients in', async () => {
    const path = `/repository-policies/${encodeURIComponent('public/images')}`;
    const document = allow('oci:Pull', 'arn:zas:oci:::public/images/*', { Principal: '*' });
    const anonymous = () => fetch(`${app.url}/v2/public/images/base/tags/list`);
    expect((await anonymous()).status).toBe(401);
    expect((await ask('PUT', path, { body: { document } })).status).toBe(200);
    expect((await anonymous()).status).toBe(404);
    const elsewhere = allow('oci:Pull', 'arn:zas:oci:::other', { Principal: '*' });
    expect((await ask('PUT', path, { body: { document: elsewhere } })).status).toBe(400);
    expect((await ask('GET', '/repository-policies')).json).toMatchObject({
      items: [
        { name: 'open', source: 'config' },
        { name: 'public/images', source: 'api' },
      ],
    });
    expect((await ask('DELETE', path)).status).toBe(204);
    expect((await anonymous()).status).toBe(401);
  });

  it('are for administrators alone', async () => {
    for (const as of ['alice', 'ann']) {
      expect((await ask('PUT', '/policies/x', { as, body: { document: allow('*', '*') } })).status).toBe(403);
      expect((await ask('PUT', `/policies/admin/attachments/user:${as}`, { as })).status).toBe(403);
    }
    expect((await ask('GET', '/policies', { as: 'alice' })).status).toBe(403);
    expect((await ask('GET', '/policies', { as: 'ann' })).status).toBe(200);
  });
});

describe('explanations', () => {
  const explain = (body: unknown, as = 'root') => ask('POST', '/explain', { as, body });

  it('name the statement and the document that decide, for whoever is asked about', async () => {
    await put('deny', {
      Version: '2012-10-17',
      Statement: [
        { Sid: 'Read', Effect: 'Allow', Action: ['oci:Pull', 's3:GetObject'], Resource: '*' },
        {
          Sid: 'FromOutside',
          Effect: 'Deny',
          Action: 'oci:Pull',
          Resource: '*',
          Condition: { NotIpAddress: { 'aws:SourceIp': '10.0.0.0/8' } },
        },
      ],
    });
    await ask('PUT', '/policies/deny/attachments/role:reader');
    const as = { user: 'carol', roles: ['reader'] };
    const question = { as, action: 'oci:Pull', resource: 'arn:zas:oci:::a' };
    expect((await explain(question)).json).toEqual({
      effect: 'deny',
      action: 'oci:Pull',
      resource: 'arn:zas:oci:::a',
      decidedBy: {
        effect: 'deny',
        reason: 'policy "deny", statement FromOutside',
        document: 'policy "deny"',
        statement: 'FromOutside',
      },
      opinions: [expect.objectContaining({ effect: 'deny' })],
      advice:
        'Statement FromOutside of policy "deny" denies it, and nothing else can allow it while that stands.',
    });
    expect((await explain({ ...question, context: { 'aws:SourceIp': '10.1.1.1' } })).json).toMatchObject({
      effect: 'allow',
      decidedBy: { document: 'policy "deny"', statement: 'Read' },
    });
    expect((await explain({ ...question, as: {} })).json).toMatchObject({
      effect: 'deny',
      advice: expect.stringContaining('{"Effect":"Allow","Action":"oci:Pull","Resource":"arn:zas:oci:::a"}'),
    });
    expect((await explain({ ...question, as: { user: 'root' } })).json).toMatchObject({
      decidedBy: { reason: 'root' },
    });
  });

  it('refuse questions that mean nothing', async () => {
    const as = { user: 'carol' };
    expect((await explain({ as, action: 'oci:Pull', resource: 'team' })).status).toBe(400);
    expect((await explain({ as, action: 'oci:Pull', resource: 'arn:aws:s3:::b/k' })).status).toBe(400);
    expect((await explain({ as, action: 'Pull', resource: 'arn:zas:oci:::a' })).status).toBe(400);
    expect((await explain({ as, action: 'oci:Pull', resource: 'arn:zas:oci:::a' }, 'alice')).status).toBe(
      403,
    );
  });

  it('of a list of cases say which came out as expected', async () => {
    const as = { user: 'carol' };
    const cases = [
      { as, action: 'oci:Pull', resource: 'arn:zas:oci:::open', expect: 'allow' },
      { as, action: 'oci:Push', resource: 'arn:zas:oci:::open', expect: 'allow' },
    ];
    expect((await ask('POST', '/policy-tests', { body: { cases } })).json).toMatchObject({
      passed: 1,
      failed: 1,
      results: [{ passed: true }, { passed: false, explanation: { effect: 'deny' } }],
    });
  });

  it('come with a refusal to whoever may ask for them, in the form of each protocol', async () => {
    const expected = { effect: 'deny', action: 'oci:Pull', resource: 'arn:zas:oci:::secret' };
    const oci = await ask('GET', '/v2/secret/tags/list', { as: 'ann' });
    expect(oci.status).toBe(403);
    expect(oci.json).toMatchObject({ errors: [{ code: 'DENIED', detail: { explanation: expected } }] });
    const api = await ask('DELETE', '/policies/deny', { as: 'ann' });
    expect(api).toMatchObject({
      status: 403,
      json: {
        error: {
          detail: { explanation: { action: 'admin:DeletePolicy', resource: 'arn:zas:admin:::policy/deny' } },
        },
      },
    });
    const forBob = await ask('GET', '/v2/secret/tags/list', { as: 'bob' });
    expect(JSON.stringify(forBob.json)).not.toContain('explanation');
  });
});
