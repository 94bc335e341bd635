import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MAX_KEY_BYTES, MAX_VALUE_BYTES } from '../metadata-store.ts';
import { decodeCommit, encodeCommit } from './commit-frame.ts';

describe('commit frame', () => {
  it('carries every commit unchanged', () => {
    const key = fc.uint8Array({ minLength: 1, maxLength: 20 });
    const value = fc.uint8Array({ maxLength: 20 });
    const check = fc.oneof(
      key.map((each) => ({ key: each, is: 'absent' as const })),
      key.map((each) => ({ key: each, is: 'present' as const })),
      fc.tuple(key, value).map(([each, v]) => ({ key: each, is: 'equal' as const, value: v })),
      value.map((prefix) => ({ prefix, is: 'empty' as const })),
    );
    const commit = fc.record({
      id: fc.nat({ max: 0xffffffff }),
      checks: fc.array(check),
      deletes: fc.array(key),
      puts: fc.array(fc.record({ key, value })),
      mayUseReserve: fc.boolean(),
    });
    fc.assert(
      fc.property(commit, ({ id, ...parts }) => {
        expect(decodeCommit(encodeCommit(id, parts))).toEqual({ id, ...parts });
      }),
    );
  });

  it('carries the longest key and value, and nothing at all', () => {
    const puts = [
      { key: new Uint8Array(MAX_KEY_BYTES).fill(7), value: new Uint8Array(MAX_VALUE_BYTES).fill(9) },
    ];
    expect(decodeCommit(encodeCommit(1, { puts })).puts).toEqual(puts);
    expect(decodeCommit(encodeCommit(2, {}))).toEqual({
      id: 2,
      checks: [],
      deletes: [],
      puts: [],
      mayUseReserve: false,
    });
  });
});
