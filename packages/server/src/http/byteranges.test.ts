import { expect, it } from 'vitest';
import { multipartByteranges } from './byteranges.ts';

const content = Buffer.from('0123456789');

it('builds parts with their heads, in order, of the length it announced', async () => {
  const body = multipartByteranges({
    ranges: [
      { start: 7, end: 9 },
      { start: 0, end: 1 },
    ],
    sizeBytes: content.length,
    contentType: 'text/plain',
    read: async ({ start, end }) => split(content.subarray(start, end + 1)),
  });
  const chunks: Uint8Array[] = [];
  for await (const chunk of body.stream) chunks.push(chunk);
  const text = Buffer.concat(chunks).toString('latin1');
  const boundary = body.contentType.slice('multipart/byteranges; boundary='.length);
  expect(text).toBe(
    `\r\n--${boundary}\r\nContent-Type: text/plain\r\nContent-Range: bytes 7-9/10\r\n\r\n789` +
      `\r\n--${boundary}\r\nContent-Type: text/plain\r\nContent-Range: bytes 0-1/10\r\n\r\n01` +
      `\r\n--${boundary}--\r\n`,
  );
  expect(body.sizeBytes).toBe(text.length);
});

it('opens a range only when its part is reached, and closes it when the reader stops', async () => {
  const opened: number[] = [];
  const closed: number[] = [];
  const body = multipartByteranges({
    ranges: [
      { start: 0, end: 4 },
      { start: 6, end: 9 },
    ],
    sizeBytes: content.length,
    contentType: 'text/plain',
    read: async ({ start, end }) => {
      opened.push(start);
      return (async function* () {
        try {
          yield* split(content.subarray(start, end + 1));
        } finally {
          closed.push(start);
        }
      })();
    },
  });
  let seen = 0;
  for await (const _chunk of body.stream) if (++seen === 2) break;
  expect(opened).toEqual([0]);
  expect(closed).toEqual([0]);
});

async function* split(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  for (const byte of bytes) yield Uint8Array.of(byte);
}
