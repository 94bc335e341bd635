import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type RunningApp, startApp } from '@zot-artifact-store/testkit';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';

/** What GitHub's API answers, by path; set by each test. */
let answers: Record<string, unknown> = {};
let forms: URLSearchParams[] = [];
let github: Server;
let app: RunningApp;

beforeAll(async () => {
  github = createServer(async (request, response) => {
    const url = new URL(request.url ?? '/', 'http://github');
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    if (url.pathname === '/token') forms.push(new URLSearchParams(Buffer.concat(chunks).toString()));
    const isAllowed = url.pathname === '/token' || request.headers.authorization === 'Bearer gho_token';
    const page = Number(url.searchParams.get('page') ?? 1);
    const answer = answers[url.pathname];
    const body = Array.isArray(answer) ? answer.slice((page - 1) * 100, page * 100) : answer;
    response
      .writeHead(isAllowed && body !== undefined ? 200 : 403, { 'content-type': 'application/json' })
      .end(JSON.stringify(body ?? {}));
  }).listen(0, '127.0.0.1');
  await once(github, 'listening');
  const origin = `http://127.0.0.1:${(github.address() as AddressInfo).port}`;
  app = await startApp({
    config: {
      http: {
        auth: {
          openid: {
            providers: {
              github: {
                clientid: 'id',
                clientsecret: 'secret',
                scopes: ['read:org', 'user'],
                authurl: `${origin}/authorize`,
                tokenurl: `${origin}/token`,
              },
            },
          },
        },
      },
    },
  });
});
afterAll(async () => {
  await app.close();
  github.close();
});
beforeEach(() => {
  forms = [];
  answers = {
    '/token': { access_token: 'gho_token', token_type: 'bearer' },
    '/api/v3/user': { id: 7, login: 'octocat' },
    '/api/v3/user/emails': [
      { email: 'old@example.com', primary: false, verified: true },
      { email: 'octo@example.com', primary: true, verified: true },
    ],
    '/api/v3/user/orgs': Array.from({ length: 150 }, (_, index) => ({ login: `org-${index}` })),
    '/api/v3/user/teams': [{ slug: 'core', organization: { login: 'acme' } }],
  };
});

interface Begun {
  readonly asked: URLSearchParams;
  finish(change?: (answer: URLSearchParams) => void): Promise<Response>;
}

async function begin(): Promise<Begun> {
  const begun = await fetch(`${app.url}/zot/auth/login?provider=github`, { redirect: 'manual' });
  const asked = new URL(begun.headers.get('location') ?? '').searchParams;
  const [cookie = ''] = begun.headers.getSetCookie()[0]?.split(';') ?? [];
  return {
    asked,
    finish(change = () => {}) {
      const back = new URL(asked.get('redirect_uri') ?? '');
      back.searchParams.set('state', asked.get('state') ?? '');
      back.searchParams.set('code', 'code');
      change(back.searchParams);
      return fetch(back, { redirect: 'manual', headers: { cookie } });
    },
  };
}

async function whoIs(done: Response): Promise<unknown> {
  const cookie = done.headers
    .getSetCookie()
    .map((line) => line.split(';')[0])
    .join('; ');
  const answer = await fetch(`${app.url}/-/api/v1/whoami`, {
    headers: { cookie, 'x-zot-api-client': 'zot-ui' },
  });
  return answer.json();
}

describe('A login at GitHub', () => {
  it('names the user by the primary e-mail address, with organizations and teams as groups', async () => {
    const { asked, finish } = await begin();
    expect(Object.fromEntries(asked)).toMatchObject({
      client_id: 'id',
      scope: 'read:org user',
      code_challenge_method: 'S256',
    });
    const done = await finish();
    expect(done.status).toBe(201);
    expect(await whoIs(done)).toMatchObject({
      name: 'octo@example.com',
      groups: expect.arrayContaining(['org-0', 'org-149', 'acme/core']),
      subject: { id: '7' },
    });
    expect(Object.fromEntries(forms[0] ?? [])).toMatchObject({
      client_id: 'id',
      client_secret: 'secret',
      code: 'code',
      redirect_uri: asked.get('redirect_uri'),
      code_verifier: expect.stringMatching(/^.{43}$/),
    });
  });

  it.each<[what: string, spoil: () => void]>([
    ['gives no token', () => Object.assign(answers, { '/token': { error: 'bad_verification_code' } })],
    [
      'does not verify the address',
      () =>
        Object.assign(answers, {
          '/api/v3/user/emails': [{ email: 'root@example.com', primary: true, verified: false }],
        }),
    ],
    ['keeps the teams to itself', () => Object.assign(answers, { '/api/v3/user/teams': undefined })],
    ['answers something else', () => Object.assign(answers, { '/api/v3/user': { login: 1 } })],
  ])('fails when GitHub %s', async (_what, spoil) => {
    spoil();
    const { finish } = await begin();
    expect((await finish()).status).toBe(401);
  });

  it('fails when the user said no, or the state is another', async () => {
    const { finish } = await begin();
    const denied = await finish((answer) => {
      answer.delete('code');
      answer.set('error', 'access_denied');
    });
    expect(denied.status).toBe(401);
    expect(JSON.stringify(await denied.json())).toContain('access_denied');
    expect((await finish((answer) => answer.set('state', 'x'))).status).toBe(401);
  });

  it('leaves the server ready: GitHub has no keys to fetch', async () => {
    expect(JSON.stringify(await (await fetch(`${app.url}/readyz`)).json())).not.toContain('issuers');
  });
});
