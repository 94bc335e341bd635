import { beforeEach, describe, expect, it } from 'vitest';
import type { UserPrincipal } from '../../../extension/access.ts';
import { MemoryMetadataStore } from '../../../metadata/memory/memory-metadata-store.ts';
import { Revocations } from './revocations.ts';
import { type NewSession, Sessions } from './sessions.ts';

const KEY_ID = 'ZASLASTING';
const alice: UserPrincipal = {
  kind: 'user',
  name: 'alice',
  groups: ['builders'],
  roles: ['developer'],
  via: 'access-key',
  source: 'local',
  isRoot: false,
  accessKeyId: KEY_ID,
  credential: { kind: 'access-key', id: KEY_ID },
};
const SESSION: NewSession = { principal: alice, role: 'self', name: 'job', limits: [], expiresAtMs: 5_000 };

let nowMs = 1_000;
let user: UserPrincipal | undefined;
let keys: Set<string>;
let sessions: Sessions;
let revocations: Revocations;

function sessionsOf(sealingKey: Uint8Array): Sessions {
  return new Sessions({
    sealingKey,
    revocations,
    identities: { userNamed: async () => user },
    keys: {
      find: async (accessKeyId) =>
        keys.has(accessKeyId)
          ? { accessKeyId, secretAccessKey: 'secret', user: 'alice', createdAtMs: 0 }
          : undefined,
    },
    root: { user: 'root' },
    clock: { now: () => nowMs },
  });
}

beforeEach(async () => {
  nowMs = 1_000;
  user = { ...alice, via: 'name' };
  keys = new Set([KEY_ID]);
  const metadata = new MemoryMetadataStore();
  await metadata.open();
  revocations = new Revocations({ metadata, clock: { now: () => nowMs } });
  sessions = sessionsOf(Buffer.alloc(32, 7));
});

describe('a session token', () => {
  it('opens for its own access key, where it was made, unchanged', async () => {
    const { sessionToken, accessKeyId, secretAccessKey } = sessions.create(SESSION);
    expect(await sessions.open(sessionToken, accessKeyId)).toMatchObject({
      accessKeyId,
      secretAccessKey,
      expiresAtMs: 5_000,
      session: { role: 'self', name: 'job' },
      principal: {
        name: 'alice',
        groups: ['builders'],
        via: 'sts',
        source: 'local',
        accessKeyId,
        parentAccessKeyId: KEY_ID,
        credential: { kind: 'sts-session', id: accessKeyId },
      },
    });
    expect(sessionToken).not.toContain(secretAccessKey);
    expect(Buffer.from(sessionToken, 'base64').toString('latin1')).not.toContain('alice');
    const other = sessions.create(SESSION);
    expect(await sessions.open(sessionToken, other.accessKeyId)).toBeUndefined();
    expect(await sessionsOf(Buffer.alloc(32, 8)).open(sessionToken, accessKeyId)).toBeUndefined();
    for (const position of [0, 20, 40, sessionToken.length - 5]) {
      const letter = sessionToken[position] === 'A' ? 'B' : 'A';
      const changed = sessionToken.slice(0, position) + letter + sessionToken.slice(position + 1);
      expect(await sessions.open(changed, accessKeyId)).toBeUndefined();
    }
    for (const wrong of ['', 'A', 'A'.repeat(100_000), '\u{1f600}']) {
      expect(await sessions.open(wrong, accessKeyId)).toBeUndefined();
    }
  });

  it('has the groups and roles of today, unless the token of an issuer said them', async () => {
    const own = sessions.create(SESSION);
    const claims = { exp: 9 };
    const said = sessions.create({ ...SESSION, principal: { ...alice, claims } });
    user = { ...alice, groups: ['testers'], roles: [] };
    const principalOf = async ({ sessionToken, accessKeyId }: typeof own) =>
      (await sessions.open(sessionToken, accessKeyId))?.principal;
    expect(await principalOf(own)).toMatchObject({ groups: ['testers'], roles: [] });
    expect(await principalOf(said)).toMatchObject({ groups: ['builders'], roles: ['developer'], claims });
  });

  it('of a role that the user lost does not open', async () => {
    const principal = { ...alice, groups: [], roles: ['developer'], assumedRole: 'developer' };
    const { sessionToken, accessKeyId } = sessions.create({ ...SESSION, principal, role: 'developer' });
    expect((await sessions.open(sessionToken, accessKeyId))?.principal.assumedRole).toBe('developer');
    user = { ...alice, roles: ['tester'] };
    expect(await sessions.open(sessionToken, accessKeyId)).toBeUndefined();
  });

  it('ends with its user, with the key it was made with, and when it is revoked', async () => {
    const { sessionToken, accessKeyId } = sessions.create(SESSION);
    const isOpen = async () => (await sessions.open(sessionToken, accessKeyId)) !== undefined;
    const disabled = user;
    user = undefined;
    expect(await isOpen()).toBe(false);
    user = disabled;
    keys.delete(KEY_ID);
    expect(await isOpen()).toBe(false);
    keys.add(KEY_ID);
    expect(await isOpen()).toBe(true);
    await revocations.revokeUser('bob');
    await revocations.revokeKey('ZASOTHER');
    expect(await isOpen()).toBe(true);
    await revocations.revokeKey(KEY_ID);
    expect(await isOpen()).toBe(false);
    nowMs += 1;
    const later = sessions.create(SESSION);
    expect(await sessions.open(later.sessionToken, later.accessKeyId)).toBeDefined();
  });

  it('is not made of more than fits into a header', () => {
    const groups = Array.from({ length: 3_000 }, (_, index) => `group-${index * 7919}-of-somebody`);
    expect(() => sessions.create({ ...SESSION, principal: { ...alice, groups } })).toThrow('too many');
  });
});
