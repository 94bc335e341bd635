import { createHash } from 'node:crypto';
import type { Random } from '../random.ts';

export interface Content {
  readonly digest: string;
  readonly bytes: Buffer;
}

/** Empty, inline in a record, small files, and what is hashed in a thread; most are small so that many fit in a round. */
const SIZES = [0, 12, 900, 2_048, 3_400, 3_401, 20_000, 20_000, 65_536, 300_000, 300_000, 1_500_000];

export function newContent(random: Random): Content {
  return contentOf(random.bytes(random.pick(SIZES) ?? 0));
}

export function contentOf(bytes: Buffer): Content {
  return { digest: digestOf(bytes), bytes };
}

export function digestOf(bytes: Uint8Array): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}

/** The bytes in a few pieces, as a client might send them. */
export function inPieces(random: Random, bytes: Buffer): Buffer[] {
  if (bytes.length === 0) return [];
  const count = random.integer(1, 4);
  const size = Math.ceil(bytes.length / count);
  return Array.from({ length: count }, (_, index) => bytes.subarray(index * size, (index + 1) * size)).filter(
    (piece) => piece.length > 0,
  );
}
