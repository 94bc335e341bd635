import { describe, expect, it, vi } from 'vitest';
import { MemoryMetadataStore } from './memory/memory-metadata-store.ts';
import type { Commit, CommitResult } from './metadata-store.ts';
import { Transaction, transact } from './transaction.ts';

const key = Buffer.from('k');
const value = Buffer.from('v');

describe('Transaction', () => {
  it('expects absence of what was absent and the value of what was there', () => {
    const transaction = new Transaction();
    transaction.expectUnchanged(key, undefined);
    transaction.expectUnchanged(key, value);
    expect(transaction.checks).toEqual([
      { key, is: 'absent' },
      { key, is: 'equal', value },
    ]);
  });
});

describe('transact', () => {
  it('decides anew after another writer was faster', async () => {
    const store = new MemoryMetadataStore();
    let tries = 0;
    const result = await transact(store, async (transaction) => {
      const seen = await store.get(key);
      // Another writer, between our read and our commit.
      if (++tries === 1) await store.commit({ puts: [{ key, value: Buffer.from('theirs') }] });
      transaction.expectUnchanged(key, seen);
      transaction.put(key, value);
      return seen?.toString();
    });
    expect(tries).toBe(2);
    expect(result).toBe('theirs');
    expect(await store.get(key)).toEqual(value);
  });

  it('does not touch the store when there is nothing to change', async () => {
    const store = new MemoryMetadataStore();
    const commit = vi.spyOn(store, 'commit');
    expect(await transact(store, () => 'read only')).toBe('read only');
    expect(commit).not.toHaveBeenCalled();
  });

  it('hands on what the attempt throws and writes nothing', async () => {
    const store = new MemoryMetadataStore();
    await expect(
      transact(store, (transaction) => {
        transaction.put(key, value);
        throw new Error('decided against it');
      }),
    ).rejects.toThrow('decided against it');
    expect(await store.get(key)).toBeUndefined();
  });

  it('gives up with a conflict in the end', async () => {
    // No pauses between the attempts.
    const random = vi.spyOn(Math, 'random').mockReturnValue(0);
    const store = new MemoryMetadataStore();
    const attempt = vi.fn((transaction: Transaction) => {
      transaction.expectPresent(key);
      transaction.put(key, value);
    });
    await expect(transact(store, attempt)).rejects.toMatchObject({ kind: 'conflict', retryAfterSeconds: 1 });
    random.mockRestore();
    expect(attempt).toHaveBeenCalledTimes(64);
  });

  it('lets all writers of one record win, also where a disk takes its time for each group of commits', async () => {
    const store = new SlowStore();
    const increment = () =>
      transact(store, async (transaction) => {
        const seen = await store.get(key);
        transaction.expectUnchanged(key, seen);
        transaction.put(key, Buffer.from(String(Number(seen ?? 0) + 1)));
      });
    await Promise.all(
      Array.from({ length: 120 }, async () => {
        await increment();
        await increment();
      }),
    );
    expect(String(await store.get(key))).toBe('240');
  });
});

/** Commits that come while a group is written wait for the next, so of those that exclude each other one wins a group. */
class SlowStore extends MemoryMetadataStore {
  #waiting: (() => void)[] = [];
  #isWriting = false;

  override async commit(commit: Commit): Promise<CommitResult> {
    await new Promise<void>((resolve) => {
      this.#waiting.push(resolve);
      if (!this.#isWriting) this.#write();
    });
    return super.commit(commit);
  }

  #write(): void {
    this.#isWriting = true;
    setTimeout(() => {
      const group = this.#waiting.splice(0);
      for (const resolve of group) resolve();
      if (group.length > 0) this.#write();
      else this.#isWriting = false;
    }, 15);
  }
}
