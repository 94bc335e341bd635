import { StoreError } from '@zot-artifact-store/spec';
import { type Commit, type Key, MAX_KEY_BYTES, MAX_VALUE_BYTES } from './metadata-store.ts';

/** Throws `internal` for a key no driver stores. Every driver calls this before it touches its store. */
export function assertKey(key: Key): void {
  if (key.length === 0) throw new StoreError('internal', 'a metadata key may not be empty');
  assertBound(key);
}

/** Throws `internal` for a prefix or range bound no key could compare with; an empty one means "from the start". */
export function assertBound(bound: Key): void {
  if (bound.length > MAX_KEY_BYTES) {
    throw new StoreError('internal', `a metadata key of ${bound.length} bytes is above ${MAX_KEY_BYTES}`);
  }
}

/** Throws `internal` when any part of the commit is out of bounds, before any of it is applied. */
export function assertCommit(commit: Commit): void {
  for (const check of commit.checks ?? []) {
    if (check.is === 'empty') assertBound(check.prefix);
    else assertKey(check.key);
  }
  for (const key of commit.deletes ?? []) assertKey(key);
  for (const { key, value } of commit.puts ?? []) {
    assertKey(key);
    if (value.length > MAX_VALUE_BYTES) {
      throw new StoreError(
        'internal',
        `a metadata value of ${value.length} bytes is above ${MAX_VALUE_BYTES}`,
      );
    }
  }
}
