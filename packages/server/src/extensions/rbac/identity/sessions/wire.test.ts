import { type RunningApp, startApp } from '@zot-artifact-store/testkit';
import { TestIssuer, type TestUser } from '@zot-artifact-store/testkit/test-issuer.ts';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';

const alice: TestUser = { subject: 'alice-id', name: 'alice', groups: ['team-a'], roles: ['developer'] };
const bob: TestUser = { subject: 'bob-id', name: 'bob' };
const UI = { 'x-zot-api-client': 'zot-ui' };

let issuer: TestIssuer;
let app: RunningApp;

beforeAll(async () => {
  issuer = await TestIssuer.start();
  issuer.clients.set('console', { id: 'console', secret: 'console-secret' });
  app = await startApp({
    config: {
      http: {
        auth: {
          openid: {
            providers: {
              oidc: {
                issuer: issuer.url,
                clientid: 'console',
                clientsecret: 'console-secret',
                scopes: ['openid'],
              },
            },
            callbackAllowOrigins: ['https://ui.example.com'],
          },
        },
      },
      extensions: {
        rbac: {
          providers: [{ name: 'test', issuer: issuer.url, audience: ['artstore'], clientId: 'public' }],
        },
      },
    },
  });
  issuer.clients.set('public', { id: 'public' });
});
afterAll(async () => {
  await app.close();
  await issuer.goDown();
});
beforeEach(() => {
  issuer.grants.loggedIn = alice;
});

/** What a browser keeps and sends, without following where it is sent. */
class Browser {
  readonly cookies = new Map<string, string>();
  readonly attributes = new Map<string, string>();

  async get(url: string, headers: Record<string, string> = {}, method = 'GET'): Promise<Response> {
    const cookie = [...this.cookies].map(([name, value]) => `${name}=${value}`).join('; ');
    const answer = await fetch(new URL(url, app.url), {
      method,
      redirect: 'manual',
      headers: { ...headers, ...(cookie && { cookie }) },
    });
    for (const line of answer.headers.getSetCookie()) {
      const [pair = '', ...attributes] = line.split('; ');
      const name = pair.slice(0, pair.indexOf('='));
      this.attributes.set(name, attributes.join('; '));
      if (line.includes('Max-Age=0')) this.cookies.delete(name);
      else this.cookies.set(name, pair.slice(pair.indexOf('=') + 1));
    }
    return answer;
  }

  /** Through the provider and back; the answer of the callback. */
  async logIn(provider = 'test', query = ''): Promise<Response> {
    const begun = await this.get(`/zot/auth/login?provider=${provider}${query}`);
    const back = await fetch(location(begun), { redirect: 'manual' });
    return this.get(location(back));
  }

  async whoAmI(headers: Record<string, string> = UI): Promise<unknown> {
    return (await this.get('/-/api/v1/whoami', headers)).json();
  }
}

const location = (answer: Response) => answer.headers.get('location') ?? '';

describe('A login by browser', () => {
  it('goes through the provider with PKCE, state and nonce, and ends in a session', async () => {
    const browser = new Browser();
    const begun = await browser.get('/zot/auth/login?provider=test&callback_ui=/zot/ui?a=b');
    expect(begun.status).toBe(302);
    const asked = new URL(location(begun)).searchParams;
    expect(Object.fromEntries(asked)).toMatchObject({
      client_id: 'public',
      response_type: 'code',
      code_challenge_method: 'S256',
      redirect_uri: `${app.url}/zot/auth/callback/test`,
      state: expect.stringMatching(/.{20}/),
      nonce: expect.stringMatching(/.{20}/),
    });
    const back = await fetch(location(begun), { redirect: 'manual' });
    const done = await browser.get(location(back));
    expect(done.status).toBe(302);
    expect(location(done)).toBe('/zot/ui?a=b');
    expect(await browser.whoAmI()).toMatchObject({
      name: 'alice',
      groups: ['team-a'],
      roles: ['developer'],
      via: 'session',
      subject: { issuer: issuer.url, id: 'alice-id' },
    });
    expect(browser.cookies.has('zas-login')).toBe(false);
    expect(browser.attributes.get('zas-session')).toMatch(/Path=\/; Max-Age=28800; SameSite=Lax; HttpOnly$/);
    expect(browser.cookies.get('user')).toBe('alice');
  });

  it('works with the openid section of zot: a confidential client, the e-mail address as name, 201 without a place to go', async () => {
    issuer.grants.loggedIn = { subject: 'carol-id', name: 'carol', groups: ['team-c'] };
    const browser = new Browser();
    expect((await browser.logIn('oidc')).status).toBe(201);
    expect(await browser.whoAmI()).toMatchObject({ name: 'carol@example.com', groups: ['team-c'] });
  });

  it.each([
    ['/v2/', '/v2/'],
    ['https://ui.example.com/x', 'https://ui.example.com/x'],
    ['https://evil.example/', '/'],
    ['https://ui.example.com.evil.example/', '/'],
    ['https://ui.example.com@evil.example/', '/'],
    ['//evil.example', '/'],
    ['/\\evil.example', '/'],
    ['/%5cevil.example', '/'],
    ['\\\\evil.example', '/'],
    ['javascript:alert(1)', '/'],
    ['/\tx', '/'],
    ['/a\r\nset-cookie: x=y', '/'],
    ['relative', '/'],
  ])('asked to end at %j ends at %s', async (asked, place) => {
    const done = await new Browser().logIn('test', `&callback_ui=${encodeURIComponent(asked)}`);
    expect(location(done)).toBe(place);
  });

  it('is not finished by another browser, with another state, twice, or at another provider', async () => {
    const browser = new Browser();
    const begun = await browser.get('/zot/auth/login?provider=test');
    const back = location(await fetch(location(begun), { redirect: 'manual' }));
    expect((await new Browser().get(back)).status).toBe(401);
    const swapped = new URL(back);
    swapped.searchParams.set('state', 'x'.repeat(43));
    expect((await browser.get(swapped.href)).status).toBe(401);
    expect((await browser.get(back.replace('/callback/test', '/callback/oidc'))).status).toBe(401);
    const other = new Browser();
    other.cookies.set('zas-login', [...(browser.cookies.get('zas-login') ?? '')].reverse().join(''));
    expect((await other.get(back)).status).toBe(401);
    const cookie = browser.cookies.get('zas-login') ?? '';
    expect((await browser.get(back)).status).toBe(201);
    browser.cookies.set('zas-login', cookie);
    expect((await browser.get(back)).status).toBe(401);
  });

  it('that the provider or the user refuses is refused with a sentence', async () => {
    issuer.grants.loggedIn = undefined;
    const refused = await new Browser().logIn();
    expect(refused.status).toBe(401);
    expect(await refused.json()).toMatchObject({
      error: { code: 'unauthenticated', message: expect.stringContaining('access_denied') },
    });
  });

  it('at an unknown provider, by another method or at another path is refused', async () => {
    const browser = new Browser();
    expect((await browser.get('/zot/auth/login?provider=nobody')).status).toBe(400);
    expect((await browser.get('/zot/auth/login')).status).toBe(400);
    expect((await browser.get('/zot/auth/login', {}, 'POST')).status).toBe(405);
    expect((await browser.get('/zot/auth/logout')).status).toBe(405);
    expect((await browser.get('/zot/auth/callback/Test%2f')).status).toBe(404);
    expect((await browser.get('/zot/auth/callback/test/x')).status).toBe(404);
  });

  it('is told that the provider is down', async () => {
    const other = await TestIssuer.start();
    const away = await startApp({
      config: { extensions: { rbac: { providers: [{ name: 'away', issuer: other.url, clientId: 'x' }] } } },
    });
    await other.goDown();
    const answer = await fetch(`${away.url}/zot/auth/login`, { redirect: 'manual' });
    expect(answer.status).toBe(503);
    await away.close();
  });
});

describe('A session', () => {
  it('counts only where the request cannot be a forgery of another site', async () => {
    const browser = new Browser();
    await browser.logIn();
    const anonymous = { anonymous: true };
    expect(await browser.whoAmI({})).toEqual(anonymous);
    expect(await browser.whoAmI({ origin: 'https://evil.example' })).toEqual(anonymous);
    expect(await browser.whoAmI({ origin: 'null' })).toEqual(anonymous);
    expect(await browser.whoAmI({ 'sec-fetch-site': 'cross-site' })).toEqual(anonymous);
    expect(await browser.whoAmI({ origin: app.url })).toMatchObject({ name: 'alice' });
    expect(await browser.whoAmI({ 'sec-fetch-site': 'same-origin' })).toMatchObject({ name: 'alice' });
    expect((await browser.get('/v2/', { origin: 'https://evil.example' }, 'GET')).status).toBe(401);
  });

  it('that is missing gets no challenge that a browser would open a window for', async () => {
    const refused = await fetch(`${app.url}/-/api/v1/sessions`, { headers: UI });
    expect(refused.status).toBe(401);
    expect(refused.headers.get('www-authenticate')).toBeNull();
    expect((await fetch(`${app.url}/-/api/v1/sessions`)).headers.get('www-authenticate')).toContain('Basic');
  });

  it('gives way to an Authorization header', async () => {
    const browser = new Browser();
    await browser.logIn();
    expect(await browser.whoAmI({ ...UI, authorization: app.rootAuthorization })).toMatchObject({
      name: 'root',
    });
    expect((await browser.get('/-/api/v1/whoami', { ...UI, authorization: 'Bearer x' })).status).toBe(401);
  });

  it('is nobody with a cookie that was made up', async () => {
    const browser = new Browser();
    for (const value of ['', 'x', 'x'.repeat(5_000), '../../x', '%00']) {
      browser.cookies.set('zas-session', value);
      expect(await browser.whoAmI()).toEqual({ anonymous: true });
    }
  });

  it('ends with a logout, here and at the provider', async () => {
    const browser = new Browser();
    await browser.logIn();
    const cookie = browser.cookies.get('zas-session') ?? '';
    expect((await browser.get('/zot/auth/logout', { origin: 'https://evil.example' }, 'POST')).status).toBe(
      403,
    );
    const out = await browser.get('/zot/auth/logout', UI, 'POST');
    expect(out.status).toBe(200);
    const { endSessionUrl } = (await out.json()) as { endSessionUrl: string };
    const end = new URL(endSessionUrl);
    expect(`${end.origin}${end.pathname}`).toBe(`${issuer.url}/logout`);
    expect(end.searchParams.get('post_logout_redirect_uri')).toBe(`${app.url}/`);
    expect(end.searchParams.get('id_token_hint')).toMatch(/^eyJ/);
    expect(browser.cookies.size).toBe(0);
    browser.cookies.set('zas-session', cookie);
    expect(await browser.whoAmI()).toEqual({ anonymous: true });
    expect((await browser.get('/zot/auth/logout', UI, 'POST')).status).toBe(200);
  });

  it('is listed and ended by its user, and those of others only by who has the right', async () => {
    const alices = new Browser();
    await alices.logIn();
    issuer.grants.loggedIn = bob;
    const bobs = new Browser();
    await bobs.logIn();
    const own = await (await bobs.get('/-/api/v1/sessions', UI)).json();
    expect(own).toMatchObject({ items: [{ user: 'bob', provider: 'test', isCurrent: true }] });
    expect((await bobs.get('/-/api/v1/sessions?user=alice', UI)).status).toBe(403);
    expect((await bobs.get('/-/api/v1/sessions?user=*', UI)).status).toBe(403);
    const root = new Browser();
    const asRoot = { authorization: app.rootAuthorization };
    const all = await (await root.get('/-/api/v1/sessions?user=*&limit=1000', asRoot)).json();
    const { items } = all as { items: readonly { readonly id: string; readonly user: string }[] };
    const ofAlice = (await (await alices.get('/-/api/v1/sessions', UI)).json()) as {
      items: readonly { readonly id: string; readonly isCurrent: boolean }[];
    };
    const current = ofAlice.items.find(({ isCurrent }) => isCurrent)?.id ?? '';
    expect(items.map(({ id }) => id)).toContain(current);
    expect((await bobs.get(`/-/api/v1/sessions/${current}`, UI, 'DELETE')).status).toBe(403);
    expect((await bobs.get('/-/api/v1/sessions/nothing', UI, 'DELETE')).status).toBe(403);
    expect((await root.get(`/-/api/v1/sessions/${current}`, asRoot, 'DELETE')).status).toBe(204);
    expect(await alices.whoAmI()).toEqual({ anonymous: true });
    expect((await root.get(`/-/api/v1/sessions/${current}`, asRoot, 'DELETE')).status).toBe(404);
    expect((await new Browser().get('/-/api/v1/sessions')).status).toBe(401);
  });

  it('ends when the provider says so, and so do the tokens of that login', async () => {
    const browser = new Browser();
    await browser.logIn();
    const token = await issuer.accessToken(alice, { sid: 'their-session' });
    const send = (logoutToken: string) =>
      fetch(`${app.url}/zot/auth/backchannel-logout/test`, {
        method: 'POST',
        body: new URLSearchParams({ logout_token: logoutToken }),
      });
    const bearer = { authorization: `Bearer ${token}` };
    expect(await browser.whoAmI(bearer)).toMatchObject({ name: 'alice' });
    const forged = [
      await issuer.grants.logoutToken('public', { sub: 'alice-id', nonce: 'x' }),
      await issuer.grants.logoutToken('other', { sub: 'alice-id' }),
      await issuer.grants.logoutToken('public', { sub: 'alice-id', events: {} }),
      await issuer.grants.logoutToken('public', { sub: 'alice-id', iat: 1_000_000 }),
      await issuer.grants.logoutToken('public', {}),
      await issuer.accessToken(alice),
      'x',
    ];
    for (const one of forged) expect((await send(one)).status).toBe(401);
    expect(await browser.whoAmI()).toMatchObject({ name: 'alice' });
    expect((await send(await issuer.grants.logoutToken('public', { sid: 'their-session' }))).status).toBe(
      200,
    );
    expect((await browser.get('/-/api/v1/whoami', bearer)).status).toBe(401);
    expect(await browser.whoAmI()).toMatchObject({ name: 'alice' });
    expect((await send(await issuer.grants.logoutToken('public', { sub: 'alice-id' }))).status).toBe(200);
    expect(await browser.whoAmI()).toEqual({ anonymous: true });
  });
});

describe('The login options', () => {
  it('are told to everybody, without anything secret', async () => {
    const text = await (await fetch(`${app.url}/-/api/v1/login-options`)).text();
    expect(JSON.parse(text)).toEqual({
      providers: [
        { name: 'test', title: 'test', issuer: issuer.url, browser: '/zot/auth/login?provider=test' },
        { name: 'oidc', title: 'oidc', issuer: issuer.url, browser: '/zot/auth/login?provider=oidc' },
      ],
    });
    expect(text).not.toContain('console-secret');
  });
});
