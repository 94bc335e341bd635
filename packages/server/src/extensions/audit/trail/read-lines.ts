import { createReadStream } from 'node:fs';
import { StoreError } from '@zot-artifact-store/spec';

export interface PlacedLine {
  /** Without its line break. */
  readonly text: string;
  /** Where the next line begins, in bytes. */
  readonly endsAt: number;
  /** False for what stands behind the last line break. */
  readonly isWhole: boolean;
}

/** No line of ours comes near it. */
const MAX_LINE_BYTES = 1024 * 1024;

/** The lines of a file from an offset on, with little of it in memory. Throws `argument-invalid` for an endless line. */
export async function* readLines(path: string, from = 0): AsyncGenerator<PlacedLine> {
  let rest: Buffer = Buffer.alloc(0);
  let at = from;
  for await (const chunk of createReadStream(path, { start: from, highWaterMark: 256 * 1024 })) {
    const bytes = rest.length === 0 ? (chunk as Buffer) : Buffer.concat([rest, chunk as Buffer]); // no encoding is set
    let start = 0;
    for (let end = bytes.indexOf(0x0a); end >= 0; end = bytes.indexOf(0x0a, start)) {
      at += end + 1 - start;
      yield { text: bytes.toString('utf8', start, end), endsAt: at, isWhole: true };
      start = end + 1;
    }
    rest = bytes.subarray(start);
    if (rest.length > MAX_LINE_BYTES) {
      throw new StoreError('argument-invalid', `${path} has a line of more than ${MAX_LINE_BYTES} bytes.`);
    }
  }
  if (rest.length > 0) yield { text: rest.toString('utf8'), endsAt: at + rest.length, isWhole: false };
}
