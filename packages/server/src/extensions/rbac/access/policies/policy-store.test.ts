import { beforeEach, describe, expect, it } from 'vitest';
import { MemoryMetadataStore } from '../../../../metadata/memory/memory-metadata-store.ts';
import { KEPT_VERSIONS, PolicyStore } from './policy-store.ts';

let metadata: MemoryMetadataStore;
let store: PolicyStore;
let nowMs = 1_000;
beforeEach(() => {
  metadata = new MemoryMetadataStore();
  store = new PolicyStore({ metadata, clock: { now: () => nowMs++ } });
});

const by = 'root';
const isKnown = (name: string): boolean => name === 'built-in';

async function textNow(name: string): Promise<string | undefined> {
  const version = (await store.find('identity', name))?.versions.at(-1);
  return version && store.textOf(version);
}

describe('the store of policies', () => {
  it('keeps the last versions of a policy, whatever their length', async () => {
    const long = 'x'.repeat(20_000);
    for (let index = 1; index <= KEPT_VERSIONS + 3; index += 1) {
      await store.put('identity', 'p', `${index} ${long}`, { by: `user ${index}` });
    }
    const stored = await store.find('identity', 'p');
    expect(stored?.versions.map(({ version }) => version)).toEqual([4, 5, 6, 7, 8, 9, 10, 11, 12, 13]);
    expect(stored?.versions.at(-1)).toMatchObject({ createdBy: 'user 13' });
    expect(await textNow('p')).toBe(`13 ${long}`);
    // Of a version that is gone nothing is left: texts of ten versions, the policy, the generation.
    await store.delete('identity', 'p', { by });
    const left = await metadata.scan({ from: new Uint8Array([0]) }, { limit: 100 });
    expect(left).toHaveLength(1);
  });

  it('puts an earlier version in force again as a new one', async () => {
    for (const text of ['one', 'two', 'three']) await store.put('identity', 'p', text, { by });
    const stored = await store.rollBack('identity', 'p', 1, { by: 'alice' });
    expect(stored.versions.map(({ version }) => version)).toEqual([1, 2, 3, 4]);
    expect(await textNow('p')).toBe('one');
    await expect(store.rollBack('identity', 'p', 9, { by })).rejects.toMatchObject({
      kind: 'resource-unknown',
      message: 'p has no version 9; it has 1, 2, 3, 4.',
    });
    await expect(store.rollBack('identity', 'q', 1, { by })).rejects.toMatchObject({
      kind: 'resource-unknown',
    });
  });

  it('attaches policies that are there, once each, and lists them from both ends', async () => {
    await store.put('identity', 'p', 'text', { by });
    for (const target of ['user:alice', 'role:dev', 'user:alice']) await store.attach('p', target, isKnown);
    await store.attach('built-in', 'user:alice', isKnown);
    expect(await store.attachedTo('user:alice')).toEqual(['built-in', 'p']);
    expect(await store.targetsOf('p', { limit: 10 })).toEqual(['role:dev', 'user:alice']);
    expect(await store.targetsOf('p', { limit: 10, after: 'role:dev' })).toEqual(['user:alice']);
    await expect(store.attach('q', 'user:alice', isKnown)).rejects.toMatchObject({
      kind: 'resource-unknown',
    });
    await store.detach('p', 'user:alice');
    expect(await store.attachedTo('user:alice')).toEqual(['built-in']);
    await expect(store.detach('p', 'user:alice')).rejects.toMatchObject({ kind: 'resource-unknown' });
  });

  it('deletes no policy that is attached', async () => {
    await store.put('identity', 'p', 'text', { by });
    await store.attach('p', 'user:alice', isKnown);
    await expect(store.delete('identity', 'p', { by })).rejects.toMatchObject({
      kind: 'in-use',
      message: 'p is attached to user:alice; detach it first.',
    });
    await store.detach('p', 'user:alice');
    await store.delete('identity', 'p', { by });
    expect(await store.find('identity', 'p')).toBeUndefined();
  });

  it('counts the generation up with every change, and with nothing else', async () => {
    expect(await store.generation()).toBe(0);
    await store.put('identity', 'p', 'text', { by });
    await store.attach('p', 'user:a', isKnown);
    expect(await store.generation()).toBe(2);
    await store.attach('p', 'user:a', isKnown);
    await expect(store.delete('identity', 'q', { by })).rejects.toThrow();
    expect(await store.generation()).toBe(2);
  });

  it('asks about the policy as it is inside the change', async () => {
    await store.put('identity', 'p', 'text', { by });
    const check = (current: { readonly text: string } | undefined): void => {
      if (current?.text !== 'other') throw new Error('not what was seen');
    };
    await expect(store.put('identity', 'p', 'new', { by, check })).rejects.toThrow('not what was seen');
    expect(await textNow('p')).toBe('text');
  });

  it('makes changes at the same time one after the other', async () => {
    await Promise.all(
      Array.from({ length: 8 }, (_, index) => store.put('identity', 'p', `${index}`, { by })),
    );
    expect((await store.find('identity', 'p'))?.versions.map(({ version }) => version)).toEqual([
      1, 2, 3, 4, 5, 6, 7, 8,
    ]);
    expect(await store.generation()).toBe(8);
  });

  it('tells policies of users from those of repositories', async () => {
    await store.put('identity', 'p', 'mine', { by });
    await store.put('repository', 'p', 'its', { by });
    expect((await store.list('repository', { limit: 10 })).map(({ name }) => name)).toEqual(['p']);
    expect(await textNow('p')).toBe('mine');
  });
});
