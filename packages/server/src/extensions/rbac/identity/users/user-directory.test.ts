import pino from 'pino';
import { beforeEach, describe, expect, it } from 'vitest';
import { MemoryMetadataStore } from '../../../../metadata/memory/memory-metadata-store.ts';
import { DeclaredUsers } from './declared-users.ts';
import { GroupStore } from './group-store.ts';
import { type Login, UserDirectory } from './user-directory.ts';
import { UserStore } from './user-store.ts';

let nowMs = 1_000;
let isRootEnabled = true;
let metadata = new MemoryMetadataStore();
const clock = { now: () => nowMs };

function open(declared = new DeclaredUsers()) {
  const directory = new UserDirectory({
    metadata,
    clock,
    log: pino({ level: 'silent' }),
    rootUser: 'root',
    declared,
    isRootEnabled: async () => isRootEnabled,
  });
  const users = new UserStore({
    metadata,
    clock,
    rootUser: 'root',
    declared,
    directory,
    hashPassword: async (password) => `hash of ${password}`,
  });
  return { directory, users, groups: new GroupStore({ metadata, clock, declared }) };
}

beforeEach(() => {
  nowMs = 1_000;
  isRootEnabled = true;
  metadata = new MemoryMetadataStore();
});

const page = { after: '', limit: 100 };

function oidc(wantedName: string, id: string, groups: readonly string[] = []): Login {
  return { wantedName, source: 'oidc', subject: { issuer: 'https://issuer.example', id }, groups };
}

describe('the directory of users', () => {
  it('binds a name to the first identity that comes with it, and refuses all others', async () => {
    const { directory } = open();
    expect(await directory.admit(oidc('alice', '1'))).toEqual({ name: 'alice', groups: [] });
    expect((await directory.admit(oidc('alice', '1'))).name).toBe('alice');
    const others: Login[] = [
      oidc('alice', '2'),
      { ...oidc('alice', '1'), subject: { issuer: 'https://other.example', id: '1' } },
      { wantedName: 'alice', source: 'htpasswd' },
      { wantedName: 'alice', source: 'ldap', groups: [] },
    ];
    for (const login of others) {
      await expect(directory.admit(login)).rejects.toMatchObject({ kind: 'unauthenticated' });
    }
  });

  it('keeps the name of an identity that is renamed at its source', async () => {
    const { directory } = open();
    await directory.admit(oidc('alice', '1'));
    expect((await directory.admit(oidc('alice.smith', '1'))).name).toBe('alice');
    expect((await directory.admit(oidc('alice.smith', '2'))).name).toBe('alice.smith');
  });

  it('lets nobody be root, and no name with control characters in', async () => {
    const { directory } = open();
    for (const name of ['root', '', 'a\nb', 'a\u202eb', ' a', 'x'.repeat(513)]) {
      await expect(directory.admit(oidc(name, '1'))).rejects.toMatchObject({ kind: 'unauthenticated' });
    }
  });

  it('gives only one of two identities a name for which they come at the same time', async () => {
    const { directory } = open();
    const logins = await Promise.allSettled([
      directory.admit(oidc('a', '1')),
      directory.admit(oidc('a', '2')),
    ]);
    expect(logins.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
  });

  it('keeps out a disabled user, and lets them in again when enabled', async () => {
    const { directory, users } = open();
    await directory.admit(oidc('alice', '1'));
    await users.change('alice', { isDisabled: true });
    await expect(directory.admit(oidc('alice', '1'))).rejects.toMatchObject({ kind: 'unauthenticated' });
    expect(await directory.userNamed('alice')).toBeUndefined();
    await users.change('alice', { isDisabled: false });
    expect(await directory.userNamed('alice')).toMatchObject({ name: 'alice', source: 'oidc' });
  });

  it('forgets a group that the source no longer names, however many there were', async () => {
    const { directory } = open();
    const many = Array.from({ length: 600 }, (_, i) => `department-${i}-of-the-company`);
    await directory.admit(oidc('alice', '1', many));
    expect((await directory.userNamed('alice'))?.groups).toEqual(many);
    await directory.admit(oidc('alice', '1', ['one']));
    expect((await directory.userNamed('alice'))?.groups).toEqual(['one']);
    await directory.admit(oidc('alice', '1'));
    expect((await directory.userNamed('alice'))?.groups).toEqual([]);
  });

  it('refuses a login with more groups than it can keep', async () => {
    const { directory } = open();
    const many = Array.from({ length: 10_000 }, (_, i) => `department-${i}-of-the-company`);
    await expect(directory.admit(oidc('alice', '1', many))).rejects.toMatchObject({
      kind: 'unauthenticated',
    });
  });

  it('puts groups of this store on top of those of the source', async () => {
    const { directory, groups } = open(
      new DeclaredUsers({}, { fixed: { description: '', members: ['alice'] } }),
    );
    await groups.create('team', '');
    await groups.addMember('team', 'alice');
    expect((await directory.admit(oidc('alice', '1', ['theirs']))).groups).toEqual(['fixed', 'team']);
    expect((await directory.userNamed('alice'))?.groups).toEqual(['fixed', 'team', 'theirs']);
    await expect(groups.addMember('fixed', 'bob')).rejects.toMatchObject({ kind: 'denied' });
    await groups.delete('team');
    expect((await directory.userNamed('alice'))?.groups).toEqual(['fixed', 'theirs']);
    expect((await groups.list(page)).map(({ name }) => name)).toEqual(['fixed']);
  });

  it('knows a name that nobody wrote down as a user without groups', async () => {
    expect(await open().directory.userNamed('somebody')).toMatchObject({ name: 'somebody', groups: [] });
  });

  it('voids credentials of a deleted user for good, and gives the name to the next who comes', async () => {
    const { directory, users, groups } = open();
    await users.create({ name: 'alice', source: 'local', description: '' });
    await groups.create('team', '');
    await groups.addMember('team', 'alice');
    nowMs = 5_000;
    await users.delete('alice');
    expect(await directory.userNamed('alice')).toBeUndefined();
    expect(await users.list(page)).toEqual([]);
    await directory.admit(oidc('alice', '7'));
    expect(await directory.userNamed('alice')).toMatchObject({ groups: [], source: 'oidc' });
    expect(await directory.userNamed('alice', { credentialMadeAtMs: 4_000 })).toBeUndefined();
    expect(await directory.userNamed('alice', { credentialMadeAtMs: 5_000 })).toBeUndefined();
    expect(await directory.userNamed('alice', { credentialMadeAtMs: 5_001 })).toBeDefined();
  });

  it('voids what was bound and the credentials when a user moves to another source', async () => {
    const { directory, users } = open();
    await directory.admit({ wantedName: 'alice', source: 'htpasswd' });
    await users.change('alice', { source: 'oidc' });
    await expect(directory.admit({ wantedName: 'alice', source: 'htpasswd' })).rejects.toMatchObject({
      kind: 'unauthenticated',
    });
    expect((await directory.admit(oidc('alice', '1'))).name).toBe('alice');
    expect(await directory.userNamed('alice', { credentialMadeAtMs: 900 })).toBeUndefined();
  });

  it('shows users of the config file, and changes none of them', async () => {
    const declared = new DeclaredUsers({
      bob: { source: 'oidc', description: 'declared', isDisabled: false },
      carl: { source: 'local', description: '', passwordHash: 'hash', isDisabled: true },
    });
    const { directory, users } = open(declared);
    await users.create({ name: 'alice', source: 'local', description: '' });
    expect((await users.list(page)).map(({ name, isDeclared }) => [name, isDeclared])).toEqual([
      ['alice', false],
      ['bob', true],
      ['carl', true],
    ]);
    expect((await users.list({ after: 'alice', limit: 1 })).map(({ name }) => name)).toEqual(['bob']);
    await expect(users.create({ name: 'bob', source: 'local', description: '' })).rejects.toMatchObject({
      kind: 'conflict',
    });
    await expect(users.delete('bob')).rejects.toMatchObject({ kind: 'denied' });
    expect((await directory.admit(oidc('bob', '1'))).name).toBe('bob');
    await expect(directory.admit(oidc('bob', '2'))).rejects.toMatchObject({ kind: 'unauthenticated' });
    expect((await users.list(page)).map(({ name }) => name)).toEqual(['alice', 'bob', 'carl']);
    expect(await directory.userNamed('carl')).toBeUndefined();
  });

  it('lists in pages, past those who were deleted', async () => {
    const { users } = open();
    for (const name of ['a', 'b', 'c', 'd', 'e', 'f']) {
      await users.create({ name, source: 'local', description: '' });
    }
    for (const name of ['a', 'c', 'd']) await users.delete(name);
    expect((await users.list({ after: '', limit: 2 })).map(({ name }) => name)).toEqual(['b', 'e']);
    expect((await users.list({ after: 'e', limit: 2 })).map(({ name }) => name)).toEqual(['f']);
  });

  it('writes down when somebody was here, once an hour', async () => {
    const { directory } = open();
    await directory.admit(oidc('alice', '1'));
    nowMs += 30 * 60_000;
    await directory.admit(oidc('alice', '1'));
    expect((await directory.find('alice'))?.lastSeenAtMs).toBe(1_000);
    nowMs += 31 * 60_000;
    await directory.admit(oidc('alice', '1'));
    expect((await directory.find('alice'))?.lastSeenAtMs).toBe(nowMs);
  });

  it('does not know root while root is disabled', async () => {
    const { directory } = open();
    expect(await directory.userNamed('root')).toMatchObject({ isRoot: true });
    isRootEnabled = false;
    expect(await directory.userNamed('root')).toBeUndefined();
  });
});
