import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { openSealed, seal, sealedBytes } from './sealed-blob.ts';

const CHUNK = 64 * 1024;
const KEY = randomBytes(32);

async function* inPieces(bytes: Buffer, pieceBytes: number): AsyncGenerator<Buffer> {
  for (let from = 0; from < bytes.length; from += pieceBytes) yield bytes.subarray(from, from + pieceBytes);
}

async function gather(stream: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const pieces: Uint8Array[] = [];
  for await (const piece of stream) pieces.push(piece);
  return Buffer.concat(pieces);
}

const sealWhole = (content: Buffer, pieceBytes = 1_000_003) =>
  gather(seal(inPieces(content, pieceBytes), KEY));

/** Reads `sealed` as a store does, in pieces that fit nothing. */
function stored(sealed: Buffer, sizeBytes: number, startBytes = 0) {
  return {
    sizeBytes,
    startBytes,
    read: async ({ start, end }: { start: number; end: number }) =>
      inPieces(sealed.subarray(start, end + 1), 10_007),
  };
}

describe('a sealed blob', () => {
  it('opens to what was sealed, at every size around its chunks', async () => {
    for (const size of [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK, 3 * CHUNK + 17]) {
      const content = randomBytes(size);
      for (const pieceBytes of [4_096, CHUNK, 1_000_003]) {
        const sealed = await sealWhole(content, pieceBytes);
        expect(sealed.length).toBe(sealedBytes(size));
        const opened = await gather(openSealed(stored(sealed, size), KEY));
        expect(opened.equals(content)).toBe(true);
      }
    }
  });

  it('gives any range of its content, and reads no more than the chunks that it touches', async () => {
    const size = 3 * CHUNK + 17;
    const content = randomBytes(size);
    const sealed = Buffer.concat([randomBytes(100), await sealWhole(content), randomBytes(100)]);
    const edges = [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK, 3 * CHUNK - 1, 3 * CHUNK, size - 1];
    for (const start of edges) {
      for (const end of edges.filter((edge) => edge >= start)) {
        let readBytes = 0;
        const blob = stored(sealed, size, 100);
        const counted = {
          ...blob,
          read: (range: { start: number; end: number }) => {
            readBytes += range.end - range.start + 1;
            return blob.read(range);
          },
        };
        const opened = await gather(openSealed(counted, KEY, { start, end }));
        expect(opened.equals(content.subarray(start, end + 1))).toBe(true);
        expect(readBytes).toBeLessThanOrEqual((Math.floor((end - start) / CHUNK) + 2) * (CHUNK + 16) + 32);
      }
    }
  });

  it('says nothing of equal contents', async () => {
    const content = Buffer.alloc(1000);
    expect((await sealWhole(content)).equals(await sealWhole(content))).toBe(false);
  });

  it('yields nothing that was changed, moved, cut or sealed with another key', async () => {
    const size = 2 * CHUNK + 5;
    const sealed = await sealWhole(randomBytes(size));
    const corrupt = { kind: 'blob-corrupt' };
    for (const at of [0, 10, 40, 32 + CHUNK + 20, sealed.length - 1]) {
      const changed = Buffer.from(sealed);
      changed[at] = (changed[at] ?? 0) ^ 1;
      await expect(gather(openSealed(stored(changed, size), KEY))).rejects.toMatchObject(corrupt);
    }
    const chunk = CHUNK + 16;
    const swapped = Buffer.concat([
      sealed.subarray(0, 32),
      sealed.subarray(32 + chunk, 32 + 2 * chunk),
      sealed.subarray(32, 32 + chunk),
      sealed.subarray(32 + 2 * chunk),
    ]);
    await expect(gather(openSealed(stored(swapped, size), KEY))).rejects.toMatchObject(corrupt);
    const cut = sealed.subarray(0, 32 + 2 * chunk);
    await expect(gather(openSealed(stored(cut, 2 * CHUNK), KEY))).rejects.toMatchObject(corrupt);
    await expect(gather(openSealed(stored(cut, size), KEY))).rejects.toMatchObject(corrupt);
    await expect(gather(openSealed(stored(sealed, size), randomBytes(32)))).rejects.toMatchObject(corrupt);
  });
});
