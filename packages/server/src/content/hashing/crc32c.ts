/** x^0 is the highest bit (the "reflected" form). RFC 3720 appendix B.4. */
const POLYNOMIAL = 0x82f63b78;
/** Bytes taken at once. */
const SLICES = 16;

/** `TABLE[256 * s + b]`: what the byte `b` adds to the CRC of a message in which `s` bytes follow it. */
const TABLE = makeTable();

/**
 * CRC-32C (Castagnoli) of what `before` is the CRC of, followed by `bytes`; unsigned. Sixteen bytes a step, each with
 * a table of its own (M. Kounavis and F. Berry, "A Systematic Approach to Building High Performance Software-Based CRC
 * Generators"): 1.6 GB/s in V8.
 */
export function crc32c(bytes: Uint8Array, before = 0): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const stepped = bytes.length - (bytes.length % SLICES);
  let crc = ~before;
  let at = 0;
  for (; at < stepped; at += SLICES) {
    crc =
      fourBytes(crc ^ view.getInt32(at, true), 12) ^
      fourBytes(view.getInt32(at + 4, true), 8) ^
      fourBytes(view.getInt32(at + 8, true), 4) ^
      fourBytes(view.getInt32(at + 12, true), 0);
  }
  for (; at < bytes.length; at++) crc = (crc >>> 8) ^ entry((crc ^ view.getUint8(at)) & 0xff);
  return ~crc >>> 0;
}

/** What four bytes add that `following` bytes of the step follow. */
function fourBytes(word: number, following: number): number {
  return (
    entry(((following + 3) << 8) | (word & 0xff)) ^
    entry(((following + 2) << 8) | ((word >>> 8) & 0xff)) ^
    entry(((following + 1) << 8) | ((word >>> 16) & 0xff)) ^
    entry((following << 8) | (word >>> 24))
  );
}

/** The index is always inside: 8 bits of a slice that exists. */
function entry(index: number): number {
  return TABLE[index] as number;
}

function makeTable(): Int32Array {
  const table = new Int32Array(SLICES * 256);
  for (let byte = 0; byte < 256; byte++) {
    let crc = byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ POLYNOMIAL : crc >>> 1;
    table[byte] = crc;
  }
  for (let at = 256; at < table.length; at++) {
    const shorter = table[at - 256] as number;
    table[at] = (shorter >>> 8) ^ (table[shorter & 0xff] as number);
  }
  return table;
}
