import { describe, expect, it } from 'vitest';
import { recordCodec } from './record.ts';

describe('recordCodec', () => {
  const codec = recordCodec<{ name: string; sizeBytes: number; note?: string; bytes?: Uint8Array }>(
    'thing',
    2,
  );

  it('gives back what was encoded', () => {
    const record = { name: 'ü\0', sizeBytes: 2 ** 40, bytes: Buffer.from([0, 255]) };
    expect(codec.decode(codec.encode(record))).toEqual(record);
  });

  it('makes the same bytes of the same record, so that a value can be its own version', () => {
    const record = { name: 'a', sizeBytes: 1 };
    expect(codec.encode({ ...record })).toEqual(codec.encode(record));
  });

  it('gives bytes that the next encoding does not change', () => {
    const first = codec.encode({ name: 'first', sizeBytes: 1 });
    const copy = Buffer.from(first);
    for (let i = 0; i < 2_000; i++) codec.encode({ name: `other ${i}`, sizeBytes: i });
    expect(Buffer.compare(first, copy)).toBe(0);
  });

  it('refuses a version it does not know and bytes that are no record', () => {
    const newer = recordCodec('thing', 3).encode({});
    expect(() => codec.decode(newer)).toThrow('thing record has version 3, this server knows 2');
    expect(() => codec.decode(Buffer.from([0x01]))).toThrow('not readable');
  });

  it('upgrades an older version when told how', () => {
    const old = recordCodec<{ title: string }>('thing', 1).encode({ title: 'a' });
    const upgrading = recordCodec<{ name: string }>('thing', 2, (record, version) =>
      version === 1 ? { name: (record as { title: string }).title } : undefined,
    );
    expect(upgrading.decode(old)).toEqual({ name: 'a' });
  });
});
