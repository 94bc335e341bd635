import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type RunningApp, startApp } from '@zot-artifact-store/testkit';
import { startLdapAnswerer } from '@zot-artifact-store/testkit/ldap-answerer.ts';
import { SignJWT } from 'jose';
import { generate } from 'selfsigned';
import { Agent, request } from 'undici';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

let folder = '';
const running: { close(): Promise<unknown> }[] = [];
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'zas-methods-'));
});
afterEach(async () => {
  for (const one of running.splice(0).reverse()) await one.close();
  await rm(folder, { recursive: true, force: true });
});

async function start(http: object, rbac: object = {}): Promise<RunningApp> {
  const app = await startApp({ config: { http, extensions: { rbac } } });
  running.push(app);
  return app;
}

async function file(name: string, content: string): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, content);
  return path;
}

const basic = (user: string, password: string) =>
  `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;

async function status(app: RunningApp, path: string, authorization: string): Promise<number> {
  return (await fetch(app.url + path, { headers: { authorization } })).status;
}

describe('users of an LDAP directory', () => {
  const BASE = 'ou=people,dc=example,dc=org';

  async function startWithLdap() {
    const ldap = await startLdapAnswerer({
      entries: ['alice', 'bob'].map((uid) => ({
        dn: `uid=${uid},${BASE}`,
        password: `${uid} has a password`,
        attributes: { uid: [uid], memberof: uid === 'alice' ? ['team-a'] : [] },
      })),
    });
    running.push(ldap);
    const app = await start({
      auth: {
        ldap: {
          address: '127.0.0.1',
          port: ldap.port,
          insecure: true,
          baseDN: BASE,
          userAttribute: 'uid',
          userGroupAttribute: 'memberOf',
          subtreeSearch: true,
        },
      },
      accessControl: { repositories: { '**': { policies: [{ groups: ['team-a'], actions: ['read'] }] } } },
    });
    return { ldap, app };
  }

  it('do what their groups may, and have names of their own', async () => {
    const { app } = await startWithLdap();
    const alice = basic('alice', 'alice has a password');
    const whoami = await fetch(`${app.url}/-/api/v1/whoami`, { headers: { authorization: alice } });
    expect(await whoami.json()).toMatchObject({ name: 'alice', via: 'ldap', groups: ['team-a'] });
    expect(await status(app, '/v2/a/manifests/b', alice)).toBe(404);
    expect(await status(app, '/v2/a/manifests/b', basic('bob', 'bob has a password'))).toBe(403);
    expect(await status(app, '/v2/a/manifests/b', basic('alice', 'wrong'))).toBe(401);
    expect(await status(app, '/v2/a/manifests/b', basic('nobody', 'wrong'))).toBe(401);
    expect(await status(app, '/zot/auth/token', alice)).toBe(200);
  });

  it('are asked of the directory again when a key of theirs is used', async () => {
    const { app, ldap } = await startWithLdap();
    const made = await fetch(`${app.url}/-/api/v1/tokens`, {
      method: 'POST',
      body: '{}',
      headers: {
        authorization: basic('alice', 'alice has a password'),
        'content-type': 'application/json',
      },
    });
    const { token } = (await made.json()) as { readonly token: string };
    const before = ldap.asked.length;
    expect(await status(app, '/v2/a/manifests/b', basic('alice', token))).toBe(404);
    expect(ldap.asked.slice(before)).toEqual(['search (uid="alice")']);
  });

  it('cannot log in while the directory is down, and root can', async () => {
    const { app, ldap } = await startWithLdap();
    await ldap.close();
    running.splice(0, 1);
    expect(await status(app, '/-/api/v1/whoami', basic('alice', 'alice has a password'))).toBe(503);
    expect(await status(app, '/-/api/v1/whoami', app.rootAuthorization)).toBe(200);
  });
});

describe('client certificates', () => {
  async function pair(name: string, uri?: string) {
    const altNames = uri === undefined ? [] : [{ type: 6 as const, value: uri }];
    const { cert, private: key } = await generate([{ name: 'commonName', value: name }], {
      keyType: 'ec',
      extensions: [
        { name: 'basicConstraints', cA: true },
        { name: 'subjectAltName', altNames: [{ type: 2, value: 'localhost' }, ...altNames] },
      ],
    });
    return { cert, key };
  }

  async function startWithTls(mtls: object, authorities: readonly string[], more: object = {}) {
    const server = await pair('localhost');
    const app = await start({
      tls: {
        cert: await file('cert.pem', server.cert),
        key: await file('key.pem', server.key),
        cacert: await file('ca.pem', authorities.join('\n')),
      },
      auth: { mtls },
      ...more,
    });
    return async (path: string, client?: { cert: string; key: string }, authorization?: string) => {
      const dispatcher = new Agent({ connect: { ca: server.cert, servername: 'localhost', ...client } });
      try {
        const answer = await request(app.url + path, {
          dispatcher,
          headers: authorization === undefined ? {} : { authorization },
        });
        const text = await answer.body.text();
        return { status: answer.statusCode, body: text === '' ? {} : JSON.parse(text) };
      } finally {
        await dispatcher.close();
      }
    };
  }

  it('name their users, by the URI or by the common name', async () => {
    const workload = await pair('ignored', 'spiffe://example.org/workload/builder');
    const alice = await pair('alice');
    const send = await startWithTls(
      {
        identityAttributes: ['URI', 'CommonName'],
        uriSanPattern: '^spiffe://example.org/workload/(.+)$',
      },
      [workload.cert, alice.cert],
    );
    const who = '/-/api/v1/whoami';
    expect((await send(who, workload)).body).toMatchObject({ name: 'builder', via: 'mtls' });
    expect((await send(who, alice)).body).toMatchObject({ name: 'alice', via: 'mtls' });
    expect((await send('/v2/', alice)).status).toBe(200);
    expect((await send(who)).body).toEqual({ anonymous: true });
    // A password is meant when there is one.
    expect((await send(who, alice, basic('root', 'wrong'))).status).toBe(401);
  });

  it('do not make anybody root, nor a user of another source', async () => {
    const root = await pair('root');
    const send = await startWithTls({}, [root.cert]);
    expect((await send('/-/api/v1/whoami', root)).status).toBe(401);
  });
});

describe('a token server of registries', () => {
  const REALM = 'https://auth.example.org/token';
  let key: KeyObject;
  let pem = '';
  beforeEach(() => {
    const keys = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    key = keys.privateKey;
    pem = String(keys.publicKey.export({ type: 'spki', format: 'pem' }));
  });

  async function startWithBearer(more: object = {}): Promise<RunningApp> {
    return start({
      auth: {
        bearer: { realm: REALM, service: 'registry.example.org', cert: await file('auth.pem', pem), ...more },
      },
      accessControl: { repositories: { '**': { anonymousPolicy: [] } } },
    });
  }

  function token(access: object[], claims: { readonly aud?: string; readonly exp?: number } = {}) {
    return new SignJWT({ access })
      .setProtectedHeader({ alg: 'ES256' })
      .setIssuer('auth.example.org')
      .setSubject('alice')
      .setAudience(claims.aud ?? 'registry.example.org')
      .setExpirationTime(claims.exp ?? Math.floor(Date.now() / 1000) + 60)
      .sign(key);
  }

  const pull = (name: string, more: object = {}) => ({
    type: 'repository',
    name,
    actions: ['pull'],
    ...more,
  });

  it('is where clients are sent, and what its tokens name is allowed', async () => {
    const app = await startWithBearer();
    const challenge = (await fetch(`${app.url}/v2/a/manifests/b`)).headers.get('www-authenticate');
    expect(challenge).toBe(
      `Bearer realm="${REALM}",service="registry.example.org",scope="repository:a:pull"`,
    );
    const bearer = `Bearer ${await token([pull('a')])}`;
    expect(await status(app, '/v2/a/manifests/b', bearer)).toBe(404);
    expect(await status(app, '/v2/', bearer)).toBe(200);
    const elsewhere = await fetch(`${app.url}/v2/b/manifests/b`, { headers: { authorization: bearer } });
    expect([elsewhere.status, elsewhere.headers.get('www-authenticate')]).toEqual([
      401,
      expect.stringMatching(/scope="repository:b:pull",error="insufficient_scope"$/),
    ]);
    expect(await status(app, '/-/api/v1/users', bearer)).toBe(403);
    // Other ways to log in go on working.
    expect(await status(app, '/v2/a/manifests/b', app.rootAuthorization)).toBe(404);
  });

  it('is not believed when a token is for another registry, expired or signed by another', async () => {
    const app = await startWithBearer();
    const good = await token([pull('a')]);
    const past = Math.floor(Date.now() / 1000) - 60;
    const ours = key;
    key = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
    const strangers = await token([pull('a')]);
    key = ours;
    const none = `${Buffer.from('{"alg":"none"}').toString('base64url')}.${good.split('.')[1]}.`;
    const hmac = await new SignJWT({ access: [pull('a')], aud: 'registry.example.org' })
      .setProtectedHeader({ alg: 'HS256' })
      .setExpirationTime('1m')
      .sign(Buffer.from(pem));
    for (const bad of [
      await token([pull('a')], { aud: 'another.example.org' }),
      await token([pull('a')], { exp: past }),
      await token([pull('a', { exp: past })]),
      await token([{ type: 'repository', name: 'a' }]),
      strangers,
      none,
      hmac,
    ]) {
      expect(await status(app, '/v2/a/manifests/b', `Bearer ${bad}`)).toBe(401);
    }
  });

  it('is asked for tokens by our endpoint, for those this server does not know', async () => {
    const asked: { readonly url: string; readonly authorization: string | undefined }[] = [];
    const server: Server = createServer((incoming, reply) => {
      asked.push({ url: incoming.url ?? '', authorization: incoming.headers.authorization });
      reply.setHeader('content-type', 'application/json');
      reply.setHeader('set-cookie', 'not=passed-on');
      reply.end('{"token":"from upstream"}');
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    running.push({ close: () => new Promise((resolve) => server.close(resolve)) });
    const { port } = server.address() as AddressInfo;
    const realm = `http://127.0.0.1:${port}/token`;
    const app = await startWithBearer({
      upstreamTokenEndpoint: { realm, service: 'upstream', allowInsecureHttp: true },
    });
    const carol = basic('carol', 'known upstream');
    const path = '/zot/auth/token?service=x&scope=repository:a:pull&scope=repository:b:push';
    const answer = await fetch(app.url + path, { headers: { authorization: carol } });
    expect([answer.status, await answer.json(), answer.headers.get('set-cookie')]).toEqual([
      200,
      { token: 'from upstream' },
      null,
    ]);
    expect(asked).toEqual([
      {
        url: '/token?service=upstream&scope=repository%3Aa%3Apull&scope=repository%3Ab%3Apush',
        authorization: carol,
      },
    ]);
    const own = await fetch(app.url + path, { headers: { authorization: app.rootAuthorization } });
    expect(((await own.json()) as { readonly token: string }).token).toMatch(/^eyJ/);
    expect(await status(app, path, basic('root', 'wrong'))).toBe(401);
    expect(asked).toHaveLength(1);
  });
});
