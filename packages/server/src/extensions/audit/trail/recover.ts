import { open } from 'node:fs/promises';
import { chainHash, type Head, readLine, startOfChain } from './chain.ts';
import { listFiles, type StreamFile } from './stream-files.ts';

/** How a stream was found at the start. */
export interface Recovered {
  readonly head: Head;
  /** The file to go on with, and how much of it stands. */
  readonly last: { readonly file: StreamFile; readonly sizeBytes: number } | undefined;
  /** Bytes behind the last whole line: what a crash cut off. */
  readonly tornBytes: number;
  /** The last line does not follow from the one before it. */
  readonly isAltered: boolean;
}

/** More than two of the longest lines. */
const TAIL_BYTES = 2 * 1024 * 1024;

/** The end of what is on disk of a stream. A file without a whole line, which a crash can leave, is passed over. */
export async function recover(folder: string, stream: string): Promise<Recovered> {
  const files = await listFiles(folder, stream);
  let tornBytes = 0;
  for (const [index, file] of [...files.entries()].reverse()) {
    const tail = await readTail(file.path);
    if (tail.lines.length === 0) {
      if (index > 0) {
        tornBytes += tail.tornBytes;
        continue;
      }
      return {
        head: startOfChain(stream),
        last: { file, sizeBytes: 0 },
        tornBytes: tail.tornBytes,
        isAltered: false,
      };
    }
    const line = readLine(tail.lines.at(-1) ?? '');
    const seq = line?.fields.seq;
    if (line === undefined || typeof seq !== 'number' || !Number.isSafeInteger(seq)) {
      // Nothing can be chained to it: the stream goes on in a file of its own, with the next number there can be.
      const next = file.firstSeq + tail.lineCountAtMost;
      return { head: { ...startOfChain(stream), seq: next }, last: undefined, tornBytes, isAltered: true };
    }
    const before = readLine(tail.lines.at(-2) ?? '');
    const isAltered = before !== undefined && !chainHash(before.hash, line.text).equals(line.hash);
    const isLast = index === files.length - 1;
    return {
      head: { seq, hash: line.hash },
      last: isLast ? { file, sizeBytes: tail.sizeBytes - tail.tornBytes } : undefined,
      tornBytes: tornBytes + tail.tornBytes,
      isAltered,
    };
  }
  return { head: startOfChain(stream), last: undefined, tornBytes, isAltered: false };
}

interface Tail {
  readonly sizeBytes: number;
  /** Behind the last line break. */
  readonly tornBytes: number;
  /** The last whole lines; the first of them may have lost its beginning. */
  readonly lines: readonly string[];
  readonly lineCountAtMost: number;
}

async function readTail(path: string): Promise<Tail> {
  const handle = await open(path, 'r');
  try {
    const { size } = await handle.stat();
    const from = Math.max(0, size - TAIL_BYTES);
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(size - from), 0, size - from, from);
    const end = buffer.subarray(0, bytesRead).lastIndexOf(0x0a) + 1;
    const lines = buffer.toString('utf8', 0, end).split('\n').slice(0, -1);
    return { sizeBytes: size, tornBytes: size - from - end, lines, lineCountAtMost: size };
  } finally {
    await handle.close();
  }
}
