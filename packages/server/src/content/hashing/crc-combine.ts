import type { CrcAlgorithm } from './hash-algorithm.ts';

/** A polynomial over GF(2) of degree below 64, the coefficient of x^0 in the highest bit of `high`, x^63 in the lowest of `low`. */
interface Polynomial {
  readonly high: number;
  readonly low: number;
}

/**
 * The modulus of each CRC, without x^64. A CRC of 32 bits is worked with as the same CRC times x^32, modulo its
 * polynomial times x^32: so it stands in `low`, and one arithmetic serves all.
 */
const MODULI: Readonly<Record<CrcAlgorithm, Polynomial>> = {
  crc32: { high: 0, low: 0xedb88320 },
  crc32c: { high: 0, low: 0x82f63b78 },
  crc64nvme: { high: 0x9a6c9329, low: 0xac4bc9b5 },
};
const HEX_LENGTH: Readonly<Record<CrcAlgorithm, number>> = { crc32: 8, crc32c: 8, crc64nvme: 16 };

const ONE: Polynomial = { high: 1 << 31, low: 0 };
const BYTE: Polynomial = { high: 1 << 23, low: 0 };

/**
 * The CRC of A followed by B from the CRCs of both, in lower-case hex as everywhere, and the length of B. Appending
 * multiplies what A left by x for every bit of B; what the algorithms put before and after a message cancels out. Costs
 * about a microsecond for a length that was just used, as for the parts of an upload, else ten, whatever the length.
 */
export function combineCrc(algorithm: CrcAlgorithm, crcA: string, crcB: string, lengthB: number): string {
  const a = parse(algorithm, crcA);
  const b = parse(algorithm, crcB);
  if (!Number.isSafeInteger(lengthB) || lengthB < 0)
    throw new RangeError(`${lengthB} is not a length in bytes`);
  const shifted = multiply(a, factorOf(algorithm, lengthB), MODULI[algorithm]);
  return format(algorithm, { high: shifted.high ^ b.high, low: shifted.low ^ b.low });
}

/** x^(8 * length), and the last length it was asked for: the parts of an upload are of one size. */
function factorOf(algorithm: CrcAlgorithm, length: number): Polynomial {
  const last = lastFactors.get(algorithm);
  if (last?.length === length) return last.factor;
  const modulus = MODULI[algorithm];
  let factor = ONE;
  let power = BYTE;
  for (let rest = length; rest > 0; rest = Math.floor(rest / 2)) {
    if (rest % 2 === 1) factor = multiply(factor, power, modulus);
    power = multiply(power, power, modulus);
  }
  lastFactors.set(algorithm, { length, factor });
  return factor;
}

const lastFactors = new Map<CrcAlgorithm, { readonly length: number; readonly factor: Polynomial }>();

/** Masks instead of branches, which random bits would make mispredicted. */
function multiply(a: Polynomial, b: Polynomial, modulus: Polynomial): Polynomial {
  let [high, low] = [0, 0];
  let { high: timesHigh, low: timesLow } = b;
  for (let exponent = 0; exponent < 64; exponent++) {
    const isSet = ((exponent < 32 ? a.high : a.low) << (exponent & 31)) >> 31;
    high ^= timesHigh & isSet;
    low ^= timesLow & isSet;
    // b times x.
    const overflows = -(timesLow & 1);
    timesLow = ((timesLow >>> 1) | (timesHigh << 31)) ^ (modulus.low & overflows);
    timesHigh = (timesHigh >>> 1) ^ (modulus.high & overflows);
  }
  return { high, low };
}

function parse(algorithm: CrcAlgorithm, hex: string): Polynomial {
  if (hex.length !== HEX_LENGTH[algorithm] || !/^[0-9a-f]+$/.test(hex)) {
    throw new RangeError(`"${hex.slice(0, 40)}" is not a ${algorithm} in lower-case hex`);
  }
  return { high: Number.parseInt(hex.slice(-16, -8), 16) | 0, low: Number.parseInt(hex.slice(-8), 16) | 0 };
}

function format(algorithm: CrcAlgorithm, { high, low }: Polynomial): string {
  const hex = [high, low].map((half) => (half >>> 0).toString(16).padStart(8, '0')).join('');
  return hex.slice(-HEX_LENGTH[algorithm]);
}
