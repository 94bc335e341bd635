import { createHmac, generateKeyPairSync, sign as signBytes } from 'node:crypto';
import { isStoreError } from '@zot-artifact-store/spec';
import { TestIssuer, type TestUser } from '@zot-artifact-store/testkit/test-issuer.ts';
import pino from 'pino';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { UserPrincipal } from '../../../../extension/access.ts';
import { MemoryMetadataStore } from '../../../../metadata/memory/memory-metadata-store.ts';
import { EndedLogins } from './ended-logins.ts';
import { Issuers } from './issuers.ts';
import { ALGORITHMS, type Provider, type TokenRules } from './provider.ts';
import { knownProvider, TokenIdentities } from './token-identities.ts';

const alice: TestUser = {
  subject: 'f:1:alice',
  name: 'alice',
  groups: ['team-a', '/org/devs'],
  roles: ['developer'],
};
const RULES: TokenRules = {
  audiences: ['artstore'],
  authorizedParties: [],
  kinds: 'access',
  maxLifetimeMs: 3_600_000,
};

let issuer: TestIssuer;
let issuers: Issuers;
let ended: EndedLogins;
let offsetMs = 0;
const clock = { now: () => Date.now() + offsetMs };

beforeAll(async () => {
  issuer = await TestIssuer.start();
});
afterAll(() => issuer.goDown());
beforeEach(() => {
  offsetMs = 0;
  issuer.requests.length = 0;
  issuers = new Issuers({ clock, log: pino({ level: 'silent' }) });
});
afterEach(() => issuers.stop());

function providerOf(rules: Partial<TokenRules> = {}, issuerName = issuer.url): Provider {
  return {
    name: 'test',
    via: 'oidc',
    title: 'Test',
    issuer: { issuer: issuerName, algorithms: ALGORITHMS, maxStaleMs: 3_600_000 },
    tokens: { ...RULES, ...rules },
    identity: {
      kind: 'claims',
      username: 'preferred_username',
      groups: 'groups',
      roleClients: ['artstore'],
      realmRoles: false,
    },
  };
}

async function identitiesOf(...providers: Provider[]): Promise<TokenIdentities> {
  const metadata = new MemoryMetadataStore();
  await metadata.open();
  ended = new EndedLogins({ metadata, clock });
  const known = [];
  for (const provider of providers) known.push(knownProvider(provider, await issuers.add(provider.issuer)));
  const names = {
    admit: async (login: { wantedName: string }) => ({ name: login.wantedName, groups: ['local'] }),
  };
  return new TokenIdentities({ providers: known, names, ended, clock });
}

/** The principal, or the kind and message of the refusal. */
async function ask(identities: TokenIdentities, token: string): Promise<UserPrincipal | string> {
  try {
    return await identities.verify(token);
  } catch (error) {
    if (isStoreError(error)) return `${error.kind}: ${error.message}`;
    throw error;
  }
}

const encode = (value: unknown) =>
  Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url');
const now = () => Math.floor(Date.now() / 1000);
const goodClaims = () => issuer.claimsOf(alice, { typ: 'Bearer', aud: 'artstore', azp: 'some-app' });

describe('A token of a trusted issuer', () => {
  it('is its user, with the groups, roles and claims it tells, and local groups', async () => {
    const identities = await identitiesOf(providerOf());
    expect(await identities.verify(await issuer.accessToken(alice))).toMatchObject({
      kind: 'user',
      name: 'alice',
      groups: ['team-a', '/org/devs', 'local'],
      roles: ['developer'],
      via: 'oidc',
      isRoot: false,
      subject: { issuer: issuer.url, id: 'f:1:alice' },
      claims: { azp: 'some-app' },
      credential: { kind: 'oidc-token', id: expect.any(String) },
    });
  });

  it.each(['RS256', 'PS256', 'ES256', 'ES384', 'EdDSA'])('may be signed with %s', async (algorithm) => {
    await issuer.rotate({ algorithm });
    expect(await ask(await identitiesOf(providerOf()), await issuer.accessToken(alice))).toMatchObject({
      name: 'alice',
    });
    await issuer.rotate({ forgetOld: true });
  });

  it('takes roles of the realm only where that is configured', async () => {
    const provider = providerOf();
    const token = await issuer.accessToken(alice, { realm_access: { roles: ['admin'] } });
    expect(await ask(await identitiesOf(provider), token)).toMatchObject({ roles: ['developer'] });
    const identity = { ...provider.identity, realmRoles: true } as Provider['identity'];
    expect(await ask(await identitiesOf({ ...provider, identity }), token)).toMatchObject({
      roles: ['developer', 'admin'],
    });
  });

  it('is taken by the first of several providers of one issuer that accepts it', async () => {
    const identities = await identitiesOf(providerOf({ audiences: ['other'] }), providerOf());
    expect(await ask(identities, await issuer.accessToken(alice))).toMatchObject({ name: 'alice' });
    expect(await ask(identities, await issuer.accessToken(alice, { aud: 'third' }))).toMatch(
      /aud must hold other/,
    );
  });

  it('is verified once a minute at most, however often it comes', async () => {
    const identities = await identitiesOf(providerOf());
    const token = await issuer.accessToken(alice);
    for (let i = 0; i < 50; i += 1) await identities.verify(token);
    expect(issuer.requests).toEqual(['/.well-known/openid-configuration', '/certs']);
  });

  it('stops counting when it expires, although it was remembered', async () => {
    const identities = await identitiesOf(providerOf());
    const token = await issuer.accessToken(alice, { exp: now() + 20 });
    await identities.verify(token);
    offsetMs = 60_000;
    expect(await ask(identities, token)).toMatch(/^unauthenticated: The token has expired/);
  });

  it('stops counting when its issuer says that the login is over, and a later one counts', async () => {
    const identities = await identitiesOf(providerOf());
    const token = await issuer.accessToken(alice, { sid: 'session-1' });
    const other = await issuer.accessToken(alice, { sid: 'session-2' });
    await identities.verify(token);
    await ended.end({ issuer: issuer.url, sessionId: 'session-1' });
    expect(await ask(identities, token)).toMatch(/login that was ended/);
    expect(await ask(identities, other)).toMatchObject({ name: 'alice' });
    await ended.end({ issuer: issuer.url, subject: alice.subject });
    expect(await ask(identities, other)).toMatch(/login that was ended/);
    expect(await ask(identities, await issuer.accessToken(alice, { iat: now() + 2 }))).toMatchObject({
      name: 'alice',
    });
  });
});

describe('A forged or unfit token is refused:', () => {
  const forgeries: readonly (readonly [what: string, make: () => Promise<string> | string, says: RegExp])[] =
    [
      ['algorithm none', () => `${encode({ alg: 'none' })}.${encode(goodClaims())}.`, /signed with none/],
      ['algorithm nOnE', () => `${encode({ alg: 'nOnE' })}.${encode(goodClaims())}.`, /signed with nOnE/],
      [
        'HMAC with the public key as secret',
        () => {
          const body = `${encode({ alg: 'HS256', kid: issuer.keyId })}.${encode(goodClaims())}`;
          const mac = createHmac('sha256', JSON.stringify(issuer.publicJwk()))
            .update(body)
            .digest('base64url');
          return `${body}.${mac}`;
        },
        /signed with HS256/,
      ],
      [
        'a key of the forger under the kid of the issuer',
        () => {
          const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
          const body = `${encode({ alg: 'RS256', kid: issuer.keyId })}.${encode(goodClaims())}`;
          return `${body}.${signBytes('sha256', Buffer.from(body), privateKey).toString('base64url')}`;
        },
        /did not make/,
      ],
      [
        'a key of its own (jwk)',
        () => issuer.sign(goodClaims(), { jwk: issuer.publicJwk() }),
        /its own key \(jwk\)/,
      ],
      [
        'the address of its key (jku)',
        () => issuer.sign(goodClaims(), { jku: 'http://127.0.0.1:1/x' }),
        /\(jku\)/,
      ],
      ['a certificate of its own (x5c)', () => issuer.sign(goodClaims(), { x5c: ['MII='] }), /\(x5c\)/],
      [
        'the address of a certificate (x5u)',
        () => issuer.sign(goodClaims(), { x5u: 'file:///etc/passwd' }),
        /\(x5u\)/,
      ],
      [
        'a kid that is a path',
        () => issuer.sign(goodClaims(), { kid: '../../../dev/null' }),
        /does not publish/,
      ],
      [
        'a kid that is an injection',
        () => issuer.sign(goodClaims(), { kid: "x' UNION SELECT 'k" }),
        /does not publish/,
      ],
      ['a kid of the prototype', () => issuer.sign(goodClaims(), { kid: '__proto__' }), /does not publish/],
      ['a huge kid', () => issuer.sign(goodClaims(), { kid: 'k'.repeat(300) }), /kid/],
      [
        'a kid that is no text',
        () => `${encode({ alg: 'RS256', kid: {} })}.${encode(goodClaims())}.AAAA`,
        /kid/,
      ],
      [
        'critical extensions',
        () => `${encode({ alg: 'RS256', crit: ['exp'] })}.${encode(goodClaims())}.AAAA`,
        /not understood/,
      ],
      [
        'another issuer',
        () => issuer.sign({ ...goodClaims(), iss: 'https://evil.example' }),
        /not trusted here/,
      ],
      [
        'an issuer with a slash more',
        () => issuer.sign({ ...goodClaims(), iss: `${issuer.url}/` }),
        /not trusted here/,
      ],
      [
        'an issuer that is a list',
        () => issuer.sign({ ...goodClaims(), iss: [issuer.url] }),
        /not trusted here/,
      ],
      ['no issuer', () => issuer.sign({ ...goodClaims(), iss: undefined }), /not trusted here/],
      [
        'another audience',
        () => issuer.sign({ ...goodClaims(), aud: ['account', 'ARTSTORE'] }),
        /aud must hold artstore/,
      ],
      ['no audience', () => issuer.sign({ ...goodClaims(), aud: undefined }), /aud must hold artstore/],
      [
        'the audience as client only',
        () => issuer.sign({ ...goodClaims(), aud: 'account', azp: 'artstore' }),
        /aud/,
      ],
      ['expired', () => issuer.sign({ ...goodClaims(), exp: now() - 31 }), /has expired/],
      ['not valid yet', () => issuer.sign({ ...goodClaims(), nbf: now() + 60 }), /not valid yet/],
      [
        'issued in the future',
        () => issuer.sign({ ...goodClaims(), iat: now() + 60, nbf: now() }),
        /in the future/,
      ],
      ['no expiry', () => issuer.sign({ ...goodClaims(), exp: undefined }), /no time in exp/],
      ['an expiry that is text', () => issuer.sign({ ...goodClaims(), exp: '9999999999' }), /no time in exp/],
      ['no time of issue', () => issuer.sign({ ...goodClaims(), iat: undefined }), /no time in iat/],
      ['a life of years', () => issuer.sign({ ...goodClaims(), exp: now() + 1e8 }), /lives longer/],
      ['no subject', () => issuer.sign({ ...goodClaims(), sub: undefined }), /names no subject/],
      ['an ID token', () => issuer.sign({ ...goodClaims(), typ: 'ID' }), /no access token/],
      ['a refresh token', () => issuer.sign({ ...goodClaims(), typ: 'Refresh' }), /no credential/],
      ['an offline token', () => issuer.sign({ ...goodClaims(), typ: 'Offline' }), /no credential/],
      ['a logout token', () => issuer.grants.logoutToken('artstore', { sub: 'x' }), /no credential/],
      [
        'no user name',
        () => issuer.sign({ ...goodClaims(), preferred_username: undefined }),
        /preferred_username/,
      ],
      [
        'a user name of an object',
        () => issuer.sign({ ...goodClaims(), preferred_username: {} }),
        /preferred_username/,
      ],
      [
        'a user name with a line break',
        () => issuer.sign({ ...goodClaims(), preferred_username: 'a\nroot' }),
        /user name may not/,
      ],
      [
        'a user name written backwards',
        () => issuer.sign({ ...goodClaims(), preferred_username: 'a\u202etoor' }),
        /user name may not/,
      ],
      [
        'a group with a control character',
        () => issuer.sign({ ...goodClaims(), groups: ['a\u0000b'] }),
        /groups/,
      ],
      [
        'a group that is an object',
        () => issuer.sign({ ...goodClaims(), groups: [{ name: 'x' }] }),
        /something else/,
      ],
      [
        'a thousand and one groups',
        () => issuer.sign({ ...goodClaims(), groups: Array.from({ length: 1001 }, (_, i) => `${i}`) }),
        /more than 1000/,
      ],
      ['too long', () => issuer.sign({ ...goodClaims(), filler: 'x'.repeat(13_000) }), /longer than/],
      ['nested a thousand deep', () => deep(1_000), /nested deeper/],
      ['another token inside', () => issuer.sign(goodClaims(), { cty: 'JWT' }), /holds another token/],
      ['encrypted', () => 'eyJhbGciOiJSU0EtT0FFUCJ9.a.b.c.d', /three parts/],
      [
        'the same claim twice',
        () => signedText(`{"aud":"x",${JSON.stringify(goodClaims()).slice(1)}`),
        /"aud" twice/,
      ],
      [
        'the same claim twice, once escaped',
        () => signedText(`{"\\u0061ud":"x",${JSON.stringify(goodClaims()).slice(1)}`),
        /"aud" twice/,
      ],
      [
        'the same header twice',
        () => `${encode('{"alg":"none","alg":"RS256"}')}.${encode(goodClaims())}.AAAA`,
        /"alg" twice/,
      ],
      ['a payload that is a list', () => `${encode({ alg: 'RS256' })}.${encode([])}.AAAA`, /no object/],
      [
        'a payload that is no JSON',
        () => `${encode({ alg: 'RS256' })}.${encode('{')}.AAAA`,
        /cannot be read/,
      ],
      [
        'bytes that are no UTF-8',
        () => `${encode({ alg: 'RS256' })}.${Buffer.from([0x7b, 0xff]).toString('base64url')}.AAAA`,
        /UTF-8/,
      ],
      ['nothing', () => '', /three parts/],
      ['two dots', () => '..', /three parts/],
      ['a changed payload', async () => swapPayload(await issuer.accessToken(alice)), /did not make/],
      ['a cut signature', async () => (await issuer.accessToken(alice)).slice(0, -10), /did not make/],
    ];

  function deep(levels: number): string {
    const claims = `{"x":${'['.repeat(levels)}${']'.repeat(levels)}}`;
    return `${encode({ alg: 'RS256', kid: issuer.keyId })}.${encode(claims)}.AAAA`;
  }

  /** Whoever signs may write whatever JSON; the signature is not what fails. */
  function signedText(claims: string): string {
    return `${encode({ alg: 'RS256', kid: issuer.keyId })}.${encode(claims)}.AAAA`;
  }

  function swapPayload(token: string): string {
    const [header, , signature] = token.split('.');
    return `${header}.${encode({ ...goodClaims(), preferred_username: 'root' })}.${signature}`;
  }

  it.each(forgeries)('%s', async (_what, make, says) => {
    const identities = await identitiesOf(providerOf());
    const answer = await ask(identities, await make());
    expect(answer).toMatch(/^unauthenticated: The token /);
    expect(answer).toMatch(says);
  });

  it('a client that is not among the authorized parties, and accepts one that is', async () => {
    const identities = await identitiesOf(providerOf({ authorizedParties: ['ci'] }));
    expect(await ask(identities, await issuer.accessToken(alice))).toMatch(/not accepted here \(azp\)/);
    expect(await ask(identities, await issuer.accessToken(alice, { azp: 'ci' }))).toMatchObject({
      name: 'alice',
    });
  });

  it('an ID token, unless the provider accepts them, as zot does', async () => {
    const identities = await identitiesOf(providerOf({ kinds: 'any' }));
    expect(await ask(identities, await issuer.accessToken(alice, { typ: 'ID' }))).toMatchObject({
      name: 'alice',
    });
    expect(await ask(identities, await issuer.accessToken(alice, { typ: 'Refresh' }))).toMatch(
      /no credential/,
    );
  });

  it('an algorithm that this provider does not list', async () => {
    const provider = providerOf();
    const identities = await identitiesOf({
      ...provider,
      issuer: { ...provider.issuer, algorithms: ['ES256'] },
    });
    expect(await ask(identities, await issuer.accessToken(alice))).toMatch(/signed with RS256/);
  });

  it('what its issuer encrypts with, or shares as a secret, as a key of signatures', async () => {
    issuer.extraKeys.push(
      { kty: 'oct', k: 'c2VjcmV0', kid: 'shared' },
      { ...issuer.publicJwk(), kid: 'enc', use: 'enc' },
    );
    const identities = await identitiesOf(providerOf());
    for (const kid of ['shared', 'enc']) {
      expect(await ask(identities, await issuer.sign(goodClaims(), { kid }))).toMatch(/does not publish/);
    }
    issuer.extraKeys.length = 0;
  });
});
