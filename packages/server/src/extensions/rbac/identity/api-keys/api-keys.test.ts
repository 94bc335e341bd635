import pino from 'pino';
import { beforeEach, describe, expect, it } from 'vitest';
import type { UserPrincipal } from '../../../../extension/access.ts';
import { MemoryMetadataStore } from '../../../../metadata/memory/memory-metadata-store.ts';
import { isApiKey, newApiKey } from './api-key-secret.ts';
import { ApiKeys, type NewApiKey } from './api-keys.ts';
import { limitOfScopes } from './scopes.ts';

let nowMs = 1_000;
let metadata = new MemoryMetadataStore();
let alice: UserPrincipal | undefined;

function open(): ApiKeys {
  return new ApiKeys({
    metadata,
    clock: { now: () => nowMs },
    log: pino({ level: 'silent' }),
    userNamed: async (name) => (name === 'alice' ? alice : undefined),
  });
}

const wanted: NewApiKey = { owner: 'alice', label: 'ci', scopes: [], networks: [], creatorAgent: 'test' };
const HERE = '192.0.2.7';

beforeEach(() => {
  nowMs = 1_000;
  metadata = new MemoryMetadataStore();
  alice = { kind: 'user', name: 'alice', groups: ['team'], via: 'name', isRoot: false };
});

describe('an API key', () => {
  it('has a checksum that a typing error breaks', () => {
    const key = newApiKey();
    expect(key).toMatch(/^zak_[a-z2-7]{39}$/);
    expect(isApiKey(key)).toBe(true);
    for (const at of [5, 20, 36, 42]) {
      const other = key[at] === 'a' ? 'b' : 'a';
      expect(isApiKey(key.slice(0, at) + other + key.slice(at + 1))).toBe(false);
    }
    expect(new Set(Array.from({ length: 100 }, newApiKey)).size).toBe(100);
  });

  it('stands for its owner as the owner is now', async () => {
    const keys = open();
    const { secret, key } = await keys.create(wanted);
    expect(await keys.verify(secret, HERE)).toEqual({
      ...alice,
      via: 'api-key',
      credential: { kind: 'api-key', id: key.id },
      limits: [],
    });
    alice = undefined;
    expect(await keys.verify(secret, HERE)).toBeUndefined();
  });

  it('is stored as a hash alone', async () => {
    const { secret } = await open().create(wanted);
    const rows = await metadata.scan({ from: new Uint8Array([0]) }, { limit: 100 });
    expect(rows.length).toBeGreaterThan(0);
    for (const { key, value } of rows) {
      expect(Buffer.concat([key, value]).includes(secret.slice(4, 30))).toBe(false);
    }
  });

  it('is limited by its scopes and its policy', async () => {
    const keys = open();
    const policy = JSON.stringify({ Statement: { Effect: 'Allow', Action: 'oci:*', Resource: '*' } });
    const { secret, key } = await keys.create({ ...wanted, scopes: ['repository:team/*:pull'], policy });
    const limits = (await keys.verify(secret, HERE))?.limits;
    expect(limits).toEqual([
      { name: `scopes of API key ${key.id}`, document: limitOfScopes(['repository:team/*:pull']) },
      { name: `policy of API key ${key.id}`, document: policy },
    ]);
  });

  it('ends at its expiration and when it is deleted, and is made for no time in the past', async () => {
    const keys = open();
    const { secret, key } = await keys.create({ ...wanted, expiresAtMs: 2_000 });
    nowMs = 1_999;
    expect(await keys.verify(secret, HERE)).toBeDefined();
    expect(await keys.ownerOf('alice', key.id, HERE)).toBeDefined();
    nowMs = 2_000;
    expect(await keys.verify(secret, HERE)).toBeUndefined();
    expect(await keys.ownerOf('alice', key.id, HERE)).toBeUndefined();
    expect(await keys.ownerOf('bob', key.id, HERE)).toBeUndefined();
    await expect(keys.create({ ...wanted, expiresAtMs: 2_000 })).rejects.toMatchObject({
      kind: 'argument-invalid',
    });
    const other = await keys.create(wanted);
    await keys.delete('alice', other.key.id);
    expect(await keys.verify(other.secret, HERE)).toBeUndefined();
    await expect(keys.delete('alice', other.key.id)).rejects.toMatchObject({ kind: 'resource-unknown' });
  });

  it('works from its networks alone', async () => {
    const keys = open();
    const { secret } = await keys.create({ ...wanted, networks: ['192.0.2.0/24', '2001:db8::1'] });
    for (const address of ['192.0.2.7', '::ffff:192.0.2.7', '2001:db8::1']) {
      expect(await keys.verify(secret, address)).toBeDefined();
    }
    for (const address of ['192.0.3.7', '2001:db8::2', '', 'unknown']) {
      expect(await keys.verify(secret, address)).toBeUndefined();
    }
    for (const network of ['', '192.0.2.0/33', 'everywhere', '192.0.2.0/8/9', '::/129']) {
      await expect(keys.create({ ...wanted, networks: [network] })).rejects.toMatchObject({
        kind: 'argument-invalid',
      });
    }
  });

  it('notes its use once an hour', async () => {
    const keys = open();
    const { secret, key } = await keys.create(wanted);
    await keys.verify(secret, HERE);
    nowMs += 30 * 60_000;
    await keys.verify(secret, HERE);
    expect((await keys.get('alice', key.id)).lastUsedAtMs).toBe(1_000);
    nowMs += 31 * 60_000;
    await keys.verify(secret, HERE);
    expect((await keys.get('alice', key.id)).lastUsedAtMs).toBe(nowMs);
  });

  it('is one of a hundred of its owner at most', async () => {
    const keys = open();
    for (let i = 0; i < 100; i++) await keys.create(wanted);
    await expect(keys.create(wanted)).rejects.toMatchObject({ kind: 'argument-invalid' });
    expect(await keys.list({ owner: 'alice', limit: 1000 })).toHaveLength(100);
    await keys.deleteAllOf('alice');
    expect(await keys.list({ limit: 1000 })).toEqual([]);
  });

  it('refuses scopes it does not understand, and policies that are none', async () => {
    const keys = open();
    const bad = [
      'Team/App',
      'repository:a',
      'repository:a:everything',
      'repository:a:toString',
      'repository:a:pull,',
      'repository:$'.concat('{aws:username}:pull'),
      'bucket:a:pull',
      'admin:',
      '',
      'a'.repeat(301),
    ];
    for (const scope of bad) {
      await expect(keys.create({ ...wanted, scopes: [scope] })).rejects.toMatchObject({
        kind: 'argument-invalid',
      });
    }
    await expect(keys.create({ ...wanted, scopes: Array(31).fill('a') })).rejects.toThrow('30 scopes');
    for (const policy of ['', '{}', '{"Statement": [{"Effect": "Maybe"}]}', `{"Id":"${'x'.repeat(3000)}"}`]) {
      await expect(keys.create({ ...wanted, policy })).rejects.toMatchObject({ kind: 'argument-invalid' });
    }
  });

  it('means by the name of a repository everything in it', () => {
    expect(
      JSON.parse(limitOfScopes(['repo1', 'repository:a/*:pull,push', 'admin:ListUsers'])).Statement,
    ).toEqual([
      { Effect: 'Allow', Action: ['oci:Ping', 'oci:ListRepositories'], Resource: '*' },
      { Effect: 'Allow', Action: ['oci:*'], Resource: 'arn:zas:oci:::repo1' },
      { Effect: 'Allow', Action: ['oci:Pull', 'oci:Push', 'oci:Tag'], Resource: 'arn:zas:oci:::a/*' },
      { Effect: 'Allow', Action: ['admin:ListUsers'], Resource: '*' },
    ]);
  });
});
