import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { checksumOf } from './checksum-of.ts';
import { combineCrc } from './crc-combine.ts';
import type { CrcAlgorithm, HashAlgorithm } from './hash-algorithm.ts';
import { startHash } from './running-hash.ts';

const CRCS: Readonly<Record<CrcAlgorithm, { readonly width: number; readonly polynomial: bigint }>> = {
  crc32: { width: 32, polynomial: 0xedb88320n },
  crc32c: { width: 32, polynomial: 0x82f63b78n },
  crc64nvme: { width: 64, polynomial: 0x9a6c9329ac4bc9b5n },
};
const CRC_NAMES = Object.keys(CRCS) as CrcAlgorithm[]; // the keys of the table above

/** As the definition says it, one bit after the other. */
function crcByBits(algorithm: CrcAlgorithm, bytes: Uint8Array): string {
  const { width, polynomial } = CRCS[algorithm];
  const ones = (1n << BigInt(width)) - 1n;
  let crc = ones;
  for (const byte of bytes) {
    crc ^= BigInt(byte);
    for (let bit = 0; bit < 8; bit++) crc = crc & 1n ? (crc >> 1n) ^ polynomial : crc >> 1n;
  }
  return (crc ^ ones).toString(16).padStart(width / 4, '0');
}

const anyBytes = fc.uint8Array({ maxLength: 300 });

describe('checksumOf', () => {
  it.each([
    ['crc32', 'cbf43926'],
    ['crc32c', 'e3069283'],
    ['crc64nvme', 'ae8b14860a799888'],
    ['md5', '25f9e794323b453885f5181f1b624d0b'],
    ['sha1', 'f7c3bc1d808e04732adf679965ccc34ca7ae3441'],
  ] as const)('gives the check value of %s', (algorithm, expected) => {
    expect(checksumOf(algorithm, Buffer.from('123456789'))).toBe(expected);
  });

  it.each(['md5', 'sha1', 'sha256', 'sha512'] as const)('gives %s as openssl does', (algorithm) => {
    for (const text of ['', 'a', 'b'.repeat(1000)]) {
      expect(checksumOf(algorithm, Buffer.from(text))).toBe(createHash(algorithm).update(text).digest('hex'));
    }
  });

  it.each(CRC_NAMES)('gives %s as its definition does, of bytes at any place in memory', (algorithm) => {
    fc.assert(
      fc.property(anyBytes, fc.nat(9), (bytes, offset) => {
        const moved = new Uint8Array(offset + bytes.length).subarray(offset);
        moved.set(bytes);
        expect(checksumOf(algorithm, moved)).toBe(crcByBits(algorithm, bytes));
      }),
    );
  });
});

describe('a running hash', () => {
  const algorithms: readonly HashAlgorithm[] = ['md5', 'sha1', 'sha256', 'sha512', ...CRC_NAMES];
  it.each(algorithms)('of %s does not depend on how the bytes are cut', (algorithm) => {
    fc.assert(
      fc.property(fc.array(anyBytes, { maxLength: 6 }), (pieces) => {
        const running = startHash(algorithm);
        for (const piece of pieces) running.update(piece);
        expect(running.hex()).toBe(checksumOf(algorithm, Buffer.concat(pieces)));
      }),
    );
  });
});

describe.each(CRC_NAMES)('combineCrc of %s', (algorithm) => {
  it('gives the checksum of two pieces in a row', () => {
    fc.assert(
      fc.property(anyBytes, anyBytes, (a, b) => {
        const combined = combineCrc(algorithm, checksumOf(algorithm, a), checksumOf(algorithm, b), b.length);
        expect(combined).toBe(checksumOf(algorithm, Buffer.concat([a, b])));
      }),
    );
  });

  it('gives the same however many pieces are joined first', () => {
    const crc = fc.uint8Array({ minLength: 1, maxLength: 8 }).map((bytes) => checksumOf(algorithm, bytes));
    const length = fc.nat({ max: 2 ** 45 });
    fc.assert(
      fc.property(crc, fc.tuple(crc, length), fc.tuple(crc, length), (a, [b, lengthB], [c, lengthC]) => {
        const left = combineCrc(algorithm, combineCrc(algorithm, a, b, lengthB), c, lengthC);
        const right = combineCrc(algorithm, a, combineCrc(algorithm, b, c, lengthC), lengthB + lengthC);
        expect(left).toBe(right);
      }),
    );
  });

  it('refuses what is no checksum and no length', () => {
    const crc = checksumOf(algorithm, Buffer.from('a'));
    for (const bad of ['', crc.slice(1), `${crc}0`, `g${crc.slice(1)}`, `F${crc.slice(1)}`, `${crc}\n`]) {
      expect(() => combineCrc(algorithm, bad, crc, 1)).toThrow(RangeError);
      expect(() => combineCrc(algorithm, crc, bad, 1)).toThrow(RangeError);
    }
    for (const bad of [-1, 0.5, Number.NaN, 2 ** 53])
      expect(() => combineCrc(algorithm, crc, crc, bad)).toThrow(RangeError);
  });
});
