import { beforeEach, describe, expect, it } from 'vitest';
import { extensionKey } from '../../../../extension/keyspace.ts';
import { MemoryMetadataStore } from '../../../../metadata/memory/memory-metadata-store.ts';
import { openLoginState, sealLoginState } from './login-state.ts';
import { type SessionDetails, Sessions } from './sessions.ts';

let metadata: MemoryMetadataStore;
let sessions: Sessions;
let nowMs = 0;

beforeEach(async () => {
  nowMs = 1_000_000;
  metadata = new MemoryMetadataStore();
  await metadata.open();
  sessions = new Sessions({ metadata, clock: { now: () => nowMs } });
});

const DETAILS: SessionDetails = { groups: ['a'], roles: ['r'], claims: { sub: 'x' }, idToken: 'token' };

function create(userName: string, details = DETAILS, issuerSession?: string) {
  return sessions.create(
    {
      userName,
      provider: 'test',
      source: 'oidc',
      issuer: 'https://id.example.com',
      subject: `${userName}-id`,
      ...(issuerSession !== undefined && { issuerSession }),
      expiresAtMs: nowMs + 60_000,
      address: '192.0.2.1',
      userAgent: 'x'.repeat(5_000),
    },
    details,
  );
}

async function rows(): Promise<number> {
  return (await metadata.scan({ prefix: extensionKey('rbac') }, { limit: 1_000 })).length;
}

describe('Sessions', () => {
  it('are found by the secret of their cookie alone, which is stored nowhere', async () => {
    const { secret, session } = await create('alice');
    expect(await sessions.find(secret)).toMatchObject({
      id: session.id,
      userName: 'alice',
      details: DETAILS,
    });
    expect(await sessions.find(session.id)).toBeUndefined();
    const stored = await metadata.scan({ prefix: extensionKey('rbac') }, { limit: 10 });
    for (const { key, value } of stored)
      expect(`${Buffer.from(key)}${Buffer.from(value)}`).not.toContain(secret);
  });

  it('hold a thousand groups, and do without the token and the claims when all would be too much', async () => {
    const groups = Array.from({ length: 1_000 }, (_, index) => `/organisation/department/team-${index}`);
    const { secret } = await create('alice', { ...DETAILS, groups, idToken: 'x'.repeat(20_000) });
    expect((await sessions.find(secret))?.details).toEqual({ groups, roles: ['r'], claims: { sub: 'x' } });
    const huge = await create('bob', { ...DETAILS, claims: { filler: 'x'.repeat(100_000) } });
    expect((await sessions.find(huge.secret))?.details).toEqual({ groups: ['a'], roles: ['r'], claims: {} });
  });

  it('are over when their time is up, and swept with all their rows', async () => {
    const { secret } = await create('alice');
    nowMs += 60_000;
    const later = await create('bob');
    expect(await sessions.find(secret)).toBeUndefined();
    expect(await sessions.list({ limit: 10 })).toMatchObject([{ userName: 'bob' }]);
    await sessions.sweep(new AbortController().signal);
    expect(await rows()).toBe(2);
    expect(await sessions.find(later.secret)).toBeDefined();
  });

  it('are listed in pages, of one user or of all', async () => {
    for (const name of ['alice', 'bob', 'alice', 'carol']) await create(name);
    const first = await sessions.list({ limit: 3 });
    const last = first.at(-1)?.id ?? '';
    const rest = await sessions.list({ limit: 3, after: last });
    expect(new Set([...first, ...rest].map(({ id }) => id)).size).toBe(4);
    expect(await sessions.list({ user: 'alice', limit: 10 })).toHaveLength(2);
  });

  it('end by the session of the issuer, or all of a subject that began before', async () => {
    const one = await create('alice', DETAILS, 'theirs-1');
    const two = await create('alice', DETAILS, 'theirs-2');
    await create('bob', DETAILS, 'theirs-3');
    const issuer = 'https://id.example.com';
    expect(await sessions.endLogins({ issuer, issuerSession: 'theirs-1', upToMs: nowMs })).toBe(1);
    expect(await sessions.find(one.secret)).toBeUndefined();
    expect(await sessions.endLogins({ issuer, subject: 'alice-id', upToMs: nowMs - 1 })).toBe(0);
    expect(await sessions.endLogins({ issuer: 'https://other', subject: 'alice-id', upToMs: nowMs })).toBe(0);
    expect(await sessions.endLogins({ issuer, subject: 'alice-id', upToMs: nowMs })).toBe(1);
    expect(await sessions.find(two.secret)).toBeUndefined();
    expect(await sessions.list({ limit: 10 })).toMatchObject([{ userName: 'bob' }]);
  });
});

describe('The state of a login', () => {
  const key = Buffer.alloc(32, 1);
  const state = {
    provider: 'test',
    state: 's',
    nonce: 'n',
    codeVerifier: 'v',
    target: '/x',
    expiresAtMs: 2_000,
  };

  it('is opened with its key, before it is too old, and unaltered', () => {
    const sealed = sealLoginState(key, state);
    expect(openLoginState(key, sealed, 1_000)).toEqual(state);
    expect(openLoginState(key, sealed, 2_000)).toBeUndefined();
    expect(openLoginState(Buffer.alloc(32, 2), sealed, 1_000)).toBeUndefined();
    for (const altered of [
      '',
      'x',
      sealed.slice(0, -2),
      [...sealed].reverse().join(''),
      sealed.slice(0, 30),
    ]) {
      expect(openLoginState(key, altered, 1_000)).toBeUndefined();
    }
  });
});
