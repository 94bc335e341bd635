import { makeDigest } from '@zot-artifact-store/spec';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeKey, encodeKey, encodeStringPrefix, type KeyPart, prefixEnd } from './keys.ts';

const TABLE = 0x41;
// Every well-formed string, with NULs, characters around the surrogates and 0xff-like bytes made likely.
const text = fc.string({
  unit: fc.oneof(
    fc.constantFrom('\0', '\u0001', 'a', '/', '\u00ff', '\uffff', '\u{10000}'),
    fc.string({ unit: 'binary', minLength: 1, maxLength: 1 }),
  ),
  maxLength: 12,
});
const integer = fc.nat({ max: Number.MAX_SAFE_INTEGER });
const hex = (length: number) =>
  fc.uint8Array({ minLength: length, maxLength: length }).map((bytes) => Buffer.from(bytes).toString('hex'));
const digest = fc.oneof(
  hex(32).map((each) => ({ digest: makeDigest('sha256', each) })),
  hex(64).map((each) => ({ digest: makeDigest('sha512', each) })),
);
const part: fc.Arbitrary<KeyPart> = fc.oneof(text, integer, digest);
const sign = (order: number): number => Math.sign(order);

describe('encodeKey', () => {
  it('is undone by decodeKey', () => {
    fc.assert(
      fc.property(fc.array(part, { maxLength: 5 }), (parts) => {
        expect(decodeKey(encodeKey(TABLE, ...parts))).toEqual(parts);
      }),
    );
  });

  it('orders strings by their UTF-8 bytes', () => {
    fc.assert(
      fc.property(text, text, (a, b) => {
        const order = Buffer.compare(encodeKey(TABLE, a), encodeKey(TABLE, b));
        expect(sign(order)).toBe(sign(Buffer.compare(Buffer.from(a), Buffer.from(b))));
      }),
    );
    // UTF-16 order, which JavaScript compares by, would put these the other way round.
    expect(Buffer.compare(encodeKey(TABLE, '\uffff'), encodeKey(TABLE, '\u{10000}'))).toBe(-1);
  });

  it('orders integers by value', () => {
    fc.assert(
      fc.property(integer, integer, (a, b) => {
        expect(sign(Buffer.compare(encodeKey(TABLE, a), encodeKey(TABLE, b)))).toBe(sign(a - b));
      }),
    );
  });

  it('orders tuples by their first different element', () => {
    fc.assert(
      fc.property(
        fc.array(text, { maxLength: 3 }),
        text,
        text,
        fc.array(part),
        fc.array(part),
        (head, a, b, c, d) => {
          fc.pre(a !== b);
          const order = Buffer.compare(
            encodeKey(TABLE, ...head, a, ...c),
            encodeKey(TABLE, ...head, b, ...d),
          );
          expect(sign(order)).toBe(sign(Buffer.compare(Buffer.from(a), Buffer.from(b))));
        },
      ),
    );
  });

  it('makes the key of a tuple a prefix exactly of the keys of longer tuples', () => {
    fc.assert(
      fc.property(
        fc.array(part, { maxLength: 3 }),
        part,
        fc.array(part, { maxLength: 2 }),
        (head, next, rest) => {
          const whole = encodeKey(TABLE, ...head, next, ...rest);
          const start = encodeKey(TABLE, ...head);
          expect(whole.subarray(0, start.length)).toEqual(start);
        },
      ),
    );
    fc.assert(
      fc.property(part, part, (a, b) => {
        fc.pre(JSON.stringify(a) !== JSON.stringify(b));
        const [x, y] = [encodeKey(TABLE, a), encodeKey(TABLE, b)];
        expect(Buffer.from(x.subarray(0, y.length)).equals(y)).toBe(false);
      }),
    );
  });
});

describe('encodeStringPrefix', () => {
  it('matches exactly the strings that start so', () => {
    const base = encodeKey(TABLE, 'repository');
    fc.assert(
      fc.property(text, text, fc.boolean(), (start, other, joined) => {
        const name = joined ? start + other : other;
        const prefix = encodeStringPrefix(base, start);
        const key = encodeKey(TABLE, 'repository', name);
        // A prefix may end in a zero byte of an escaped NUL only together with its 0xff.
        const matches = Buffer.from(key.subarray(0, prefix.length)).equals(prefix);
        expect(matches).toBe(name.startsWith(start));
      }),
    );
  });
});

describe('prefixEnd', () => {
  it('is above every key with the prefix and not above any other greater key', () => {
    const bytes = fc.uint8Array({ maxLength: 5 });
    fc.assert(
      fc.property(bytes, bytes, (prefix, other) => {
        const end = prefixEnd(prefix);
        const startsSo = Buffer.from(other.subarray(0, prefix.length)).equals(prefix);
        const inRange =
          Buffer.compare(other, prefix) >= 0 && (end === undefined || Buffer.compare(other, end) < 0);
        expect(inRange).toBe(startsSo);
      }),
    );
  });

  it('has no end for a prefix of all 0xff, nor for the empty one', () => {
    expect(prefixEnd(Buffer.from([0xff, 0xff]))).toBeUndefined();
    expect(prefixEnd(Buffer.alloc(0))).toBeUndefined();
    expect(prefixEnd(Buffer.from([1, 0xff]))).toEqual(Buffer.from([2]));
  });
});

describe('decodeKey', () => {
  it('refuses bytes that no tuple has', () => {
    expect(() => decodeKey(Buffer.from([TABLE, 0x09]))).toThrow('not a key');
    expect(() => decodeKey(Buffer.from([TABLE, 0x02, 0x61]))).toThrow('unterminated');
    expect(() => decodeKey(Buffer.from([TABLE, 0x03, 0x00]))).toThrow();
    expect(() => decodeKey(Buffer.from([TABLE, 0x04, 0x00]))).toThrow();
  });

  it('reads a key that is a view into a larger buffer', () => {
    const key = encodeKey(TABLE, 'a', 7);
    const padded = Buffer.concat([Buffer.from('xx'), key, Buffer.from('yy')]);
    expect(decodeKey(padded.subarray(2, 2 + key.length))).toEqual(['a', 7]);
    expect(decodeKey(new Uint8Array(padded).subarray(2, 2 + key.length))).toEqual(['a', 7]);
  });
});
