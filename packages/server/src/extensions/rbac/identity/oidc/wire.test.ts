import { type RunningApp, startApp } from '@zot-artifact-store/testkit';
import { TestIssuer, type TestUser } from '@zot-artifact-store/testkit/test-issuer.ts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const alice: TestUser = { subject: 'alice-id', name: 'alice', groups: ['team-a'], roles: ['developer'] };

let issuer: TestIssuer;
let app: RunningApp;

beforeAll(async () => {
  issuer = await TestIssuer.start();
  app = await startApp({
    config: {
      http: {
        auth: {
          bearer: {
            oidc: [
              {
                issuer: issuer.url,
                audiences: ['workloads'],
                ClaimMapping: { username: "'workload:' + claims.sub", groups: 'claims.groups' },
              },
            ],
          },
        },
      },
      extensions: { rbac: { providers: [{ name: 'test', issuer: issuer.url, audience: ['artstore'] }] } },
    },
  });
});
afterAll(async () => {
  await app.close();
  await issuer.goDown();
});

async function whoAmI(authorization: string): Promise<{ readonly status: number; readonly body: unknown }> {
  const answer = await fetch(`${app.url}/-/api/v1/whoami`, { headers: { authorization } });
  return { status: answer.status, body: await answer.json() };
}

const basic = (user: string, password: string) =>
  `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;

describe('A server that trusts an issuer', () => {
  it('knows who a bearer token is', async () => {
    const { status, body } = await whoAmI(`Bearer ${await issuer.accessToken(alice)}`);
    expect(status).toBe(200);
    expect(body).toMatchObject({
      name: 'alice',
      groups: ['team-a'],
      roles: ['developer'],
      via: 'oidc',
      subject: { issuer: issuer.url, id: 'alice-id' },
    });
  });

  it.each(['alice', '<token>', 'oauth2'])('takes a token as password of %s', async (user) => {
    expect(await whoAmI(basic(user, await issuer.accessToken(alice)))).toMatchObject({
      body: { name: 'alice' },
    });
  });

  it('does not take it as password of somebody else, root included', async () => {
    const token = await issuer.accessToken(alice);
    expect((await whoAmI(basic('bob', token))).status).toBe(401);
    expect((await whoAmI(basic('root', token))).status).toBe(401);
  });

  it('keeps the name of a user whom the issuer renames, and gives it to nobody else', async () => {
    await whoAmI(`Bearer ${await issuer.accessToken(alice)}`);
    const renamed = await issuer.accessToken({ ...alice, name: 'alice-smith' });
    expect(await whoAmI(`Bearer ${renamed}`)).toMatchObject({ body: { name: 'alice' } });
    const impostor = await whoAmI(
      `Bearer ${await issuer.accessToken({ subject: 'mallory-id', name: 'alice' })}`,
    );
    expect(impostor.status).toBe(401);
    expect(JSON.stringify(impostor.body)).toMatch(/belongs to another account/);
    const root = await whoAmI(`Bearer ${await issuer.accessToken({ subject: 'root-id', name: 'root' })}`);
    expect(root.status).toBe(401);
  });

  it('keeps a user out at once who was disabled here', async () => {
    const dora = `Bearer ${await issuer.accessToken({ subject: 'dora-id', name: 'dora' })}`;
    expect((await whoAmI(dora)).status).toBe(200);
    const change = (disabled: boolean) =>
      fetch(`${app.url}/-/api/v1/users/dora`, {
        method: 'PATCH',
        headers: { authorization: app.rootAuthorization, 'content-type': 'application/json' },
        body: JSON.stringify({ disabled }),
      });
    expect((await change(true)).status).toBe(200);
    expect((await whoAmI(dora)).status).toBe(401);
    expect((await change(false)).status).toBe(200);
    expect((await whoAmI(dora)).status).toBe(200);
  });

  it('knows root by its password as before', async () => {
    expect(await whoAmI(app.rootAuthorization)).toMatchObject({ body: { name: 'root', isRoot: true } });
    expect((await whoAmI(basic('root', 'wrong'))).status).toBe(401);
  });

  it('maps workloads by the expressions of zot, for the audience they are configured for', async () => {
    const token = await issuer.accessToken(alice, { aud: 'workloads', sub: 'build-id' });
    expect(await whoAmI(`Bearer ${token}`)).toMatchObject({
      body: { name: 'workload:build-id', groups: ['team-a'] },
    });
  });

  it('refuses on the registry what it refuses on the API, with a sentence and a challenge', async () => {
    const forged = await issuer.accessToken(alice, { aud: 'elsewhere' });
    const answer = await fetch(`${app.url}/v2/`, { headers: { authorization: `Bearer ${forged}` } });
    expect(answer.status).toBe(401);
    expect(answer.headers.get('www-authenticate')).toMatch(/^Bearer realm=/);
    expect(JSON.stringify(await answer.json())).toMatch(/not meant for this server/);
    for (const token of ['x', 'a.b.c', 'eyJhbGciOiJub25lIn0.e30.', '', 'ä']) {
      const refused = await fetch(`${app.url}/v2/`, {
        headers: { authorization: `Bearer ${encodeURI(token)}` },
      });
      expect(refused.status).toBe(401);
    }
  });

  it('answers a storm of one token and of forged ones without asking the issuer again', async () => {
    const token = await issuer.accessToken(alice);
    await whoAmI(`Bearer ${token}`);
    const before = issuer.requests.length;
    const forged = await issuer.sign(issuer.claimsOf(alice, { aud: 'artstore' }), {
      kid: issuer.keyId,
      typ: 'JOSE',
    });
    const answers = await Promise.all(
      Array.from({ length: 100 }, (_, index) => whoAmI(`Bearer ${index % 2 === 0 ? token : forged}`)),
    );
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(50);
    expect(answers.filter(({ status }) => status === 401)).toHaveLength(50);
    expect(issuer.requests.length).toBe(before);
  });

  it('takes tokens of a new key as soon as it is published', async () => {
    await issuer.rotate();
    expect((await whoAmI(`Bearer ${await issuer.accessToken(alice)}`)).status).toBe(200);
  });

  it('goes on with known keys while the issuer is down, answers 503 for unknown ones, and is ready with a warning', async () => {
    const good = await issuer.accessToken(alice);
    await issuer.rotate();
    const unknown = await issuer.accessToken(alice);
    await issuer.goDown();
    expect((await whoAmI(`Bearer ${good}`)).status).toBe(200);
    expect((await whoAmI(`Bearer ${unknown}`)).status).toBe(503);
    const ready = await fetch(`${app.url}/readyz`);
    expect(ready.status).toBe(200);
    expect(await ready.json()).toMatchObject({ warnings: [{ name: 'rbac/issuers' }] });
    await issuer.listen();
  });
});
