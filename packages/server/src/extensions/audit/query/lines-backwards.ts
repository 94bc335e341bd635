import { open } from 'node:fs/promises';

const CHUNK_BYTES = 128 * 1024;
/** No line of ours comes near it; a longer one is given in pieces, which are no records. */
const MAX_LINE_BYTES = 1024 * 1024;

/** The whole lines of a file that end at or before `end` (in bytes; undefined for all), last one first. */
export async function* linesBackwards(
  path: string,
  end: number | undefined,
): AsyncGenerator<{ readonly text: string; readonly startsAt: number }> {
  const handle = await open(path, 'r');
  try {
    const { size } = await handle.stat();
    let from = Math.min(end ?? size, size);
    // What was read and not given yet, which begins at `from`.
    let rest: Buffer = Buffer.alloc(0);
    let isEndWhole = false;
    while (from > 0) {
      const length = Math.min(CHUNK_BYTES, from);
      const { buffer } = await handle.read(Buffer.alloc(length), 0, length, from - length);
      from -= length;
      rest = rest.length === 0 ? buffer : Buffer.concat([buffer, rest]);
      if (!isEndWhole) {
        rest = rest.subarray(0, rest.lastIndexOf(0x0a) + 1);
        isEndWhole = rest.length > 0;
      }
      while (rest.length > 0) {
        const before = rest.length < 2 ? -1 : rest.lastIndexOf(0x0a, rest.length - 2);
        if (before < 0 && from > 0 && rest.length < MAX_LINE_BYTES) break;
        yield { text: rest.toString('utf8', before + 1, rest.length - 1), startsAt: from + before + 1 };
        rest = rest.subarray(0, before + 1);
      }
    }
  } finally {
    await handle.close();
  }
}
