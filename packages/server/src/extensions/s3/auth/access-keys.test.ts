import { isStoreError } from '@zot-artifact-store/spec';
import { beforeEach, describe, expect, it } from 'vitest';
import { MemoryMetadataStore } from '../../../metadata/memory/memory-metadata-store.ts';
import { s3Keys } from '../store/keyspace.ts';
import { AccessKeys } from './access-keys.ts';

const SEALING_KEY = Buffer.alloc(32, 1);
let metadata: MemoryMetadataStore;
let nowMs: number;

beforeEach(() => {
  metadata = new MemoryMetadataStore();
  nowMs = 1_000;
});

/** One for each worker: nothing is shared but the store. */
function worker(sealingKey: Uint8Array = SEALING_KEY): AccessKeys {
  return new AccessKeys({ metadata, clock: { now: () => nowMs }, sealingKey });
}

async function kindOf(failing: Promise<unknown>): Promise<string> {
  try {
    await failing;
  } catch (error) {
    if (isStoreError(error)) return error.kind;
    throw error;
  }
  throw new Error('it succeeded');
}

describe('an access key', () => {
  it('is made of random characters, and found in every worker', async () => {
    const made = await worker().create({ user: 'alice', description: 'backup' });
    expect(made.accessKeyId).toMatch(/^ZAS[A-Z2-7]{17}$/);
    expect(made.secretAccessKey).toMatch(/^[A-Za-z0-9_-]{40}$/);
    expect(made).toMatchObject({ user: 'alice', description: 'backup', createdAtMs: 1_000, isEnabled: true });
    const { accessKeyId, secretAccessKey } = made;
    expect(await worker().find(accessKeyId)).toMatchObject({ accessKeyId, secretAccessKey, user: 'alice' });
    const other = await worker().create({ user: 'alice' });
    expect(other.accessKeyId).not.toBe(accessKeyId);
  });

  it('stops working at once in every worker when it is disabled or deleted, and works again when enabled', async () => {
    const [first, second] = [worker(), worker()];
    const { accessKeyId } = await first.create({ user: 'alice' });
    expect(await second.find(accessKeyId)).toBeDefined();
    expect((await first.setEnabled(accessKeyId, false)).isEnabled).toBe(false);
    expect(await second.find(accessKeyId)).toBeUndefined();
    await first.setEnabled(accessKeyId, true);
    expect(await second.find(accessKeyId)).toBeDefined();
    await first.delete(accessKeyId);
    expect(await second.find(accessKeyId)).toBeUndefined();
    expect(await second.list({ limit: 10 })).toEqual([]);
    expect(await second.list({ user: 'alice', limit: 10 })).toEqual([]);
  });

  it('that is replaced by another of the same id has the new secret', async () => {
    const [first, second] = [worker(), worker()];
    const accessKeyId = 'migrated';
    await first.create({ user: 'alice', accessKeyId, secretAccessKey: 'first-secret' });
    expect((await second.find(accessKeyId))?.secretAccessKey).toBe('first-secret');
    await first.delete(accessKeyId);
    await first.create({ user: 'bob', accessKeyId, secretAccessKey: 'second-secret' });
    expect(await second.find(accessKeyId)).toMatchObject({
      accessKeyId,
      secretAccessKey: 'second-secret',
      user: 'bob',
    });
  });

  it('can be brought along, once', async () => {
    const brought = {
      user: 'alice',
      accessKeyId: 'AKIAIOSFODNN7EXAMPLE',
      secretAccessKey: 'wJalrXUtnFEMI/K7MDENG',
    };
    await worker().create(brought);
    expect((await worker().find(brought.accessKeyId))?.secretAccessKey).toBe(brought.secretAccessKey);
    expect(await kindOf(worker().create({ ...brought, user: 'bob' }))).toBe('conflict');
  });

  it.each([
    { accessKeyId: 'a/b' },
    { accessKeyId: 'ab' },
    { accessKeyId: 'a,b,c' },
    { accessKeyId: 'x'.repeat(129) },
    { secretAccessKey: 'short' },
    { secretAccessKey: 'with space in it' },
    { secretAccessKey: 'x'.repeat(129) },
    { user: '' },
    { user: 'a:b' },
    { user: 'x'.repeat(256) },
    { description: 'x'.repeat(257) },
  ])('cannot be made with %j', async (wrong) => {
    expect(await kindOf(worker().create({ user: 'alice', ...wrong }))).toBe('argument-invalid');
    expect(await worker().list({ limit: 10 })).toEqual([]);
  });

  it('that is not there can be neither changed nor found, whatever its name', async () => {
    expect(await kindOf(worker().setEnabled('nobody', true))).toBe('argument-invalid');
    expect(await kindOf(worker().delete('nobody'))).toBe('argument-invalid');
    expect(await worker().find('nobody')).toBeUndefined();
    expect(await worker().find('x'.repeat(5_000))).toBeUndefined();
    expect(await worker().find('\0')).toBeUndefined();
  });
});

describe('lists', () => {
  it('come in pages, of all users or of one', async () => {
    const keys = worker();
    for (const id of ['aaa', 'bbb', 'ccc', 'ddd']) {
      await keys.create({ user: id < 'c' ? 'alice' : 'bob', accessKeyId: id });
    }
    const ids = async (options: Parameters<AccessKeys['list']>[0]) =>
      (await keys.list(options)).map(({ accessKeyId }) => accessKeyId);
    expect(await ids({ limit: 3 })).toEqual(['aaa', 'bbb', 'ccc']);
    expect(await ids({ limit: 3, after: 'ccc' })).toEqual(['ddd']);
    expect(await ids({ limit: 3, user: 'bob' })).toEqual(['ccc', 'ddd']);
    expect(await ids({ limit: 3, user: 'bob', after: 'ccc' })).toEqual(['ddd']);
    expect(await ids({ limit: 3, user: 'bo' })).toEqual([]);
  });
});

describe('secrets', () => {
  it('are not in the database', async () => {
    const { accessKeyId, secretAccessKey } = await worker().create({ user: 'alice' });
    const row = Buffer.from((await metadata.get(s3Keys.accessKey(accessKeyId))) ?? []);
    expect(row.length).toBeGreaterThan(0);
    expect(row.includes(secretAccessKey)).toBe(false);
  });

  it('open neither with the key of another store nor under another access key', async () => {
    const { accessKeyId } = await worker().create({ user: 'alice' });
    expect(await kindOf(worker(Buffer.alloc(32, 2)).find(accessKeyId))).toBe('internal');
    const row = (await metadata.get(s3Keys.accessKey(accessKeyId))) ?? new Uint8Array();
    await metadata.commit({ puts: [{ key: s3Keys.accessKey('moved'), value: row }] });
    expect(await kindOf(worker().find('moved'))).toBe('internal');
  });
});
