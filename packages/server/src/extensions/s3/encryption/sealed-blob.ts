import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto';
import { StoreError } from '@zot-artifact-store/spec';
import type { ByteRange } from '../../../content/blob-driver.ts';
import { takeBytes } from './take-bytes.ts';

/*
 * A sealed blob is a header and chunks. The header is a mark of the format and random bytes; with the key that was
 * given it makes the key of this one blob (HKDF-SHA-256), so no two blobs share a key and the nonces of its chunks may
 * just count. Each chunk is AES-256-GCM of 64 KiB, the last one of what is left; the nonce holds its number and whether
 * it is the last. So chunks that were changed, swapped, left out or taken from another blob do not open, a blob cut at
 * a chunk does not either, and a range costs the chunks that it touches.
 */

const FORMAT = Buffer.from('ZSB1');
const HEADER_BYTES = 32;
const CHUNK_BYTES = 64 * 1024;
const TAG_BYTES = 16;
const NONCE_BYTES = 12;
const KEY_BYTES = 32;
const PURPOSE = 'zas s3 sealed blob';

/** How many bytes a blob of `sizeBytes` takes once it is sealed. */
export function sealedBytes(sizeBytes: number): number {
  return HEADER_BYTES + sizeBytes + TAG_BYTES * chunksOf(sizeBytes);
}

/** Seals what `source` yields; the same bytes are never sealed to the same bytes. */
export async function* seal(
  source: AsyncIterable<Uint8Array>,
  key: Uint8Array,
): AsyncGenerator<Uint8Array, void, undefined> {
  const header = Buffer.concat([FORMAT, randomBytes(HEADER_BYTES - FORMAT.length)]);
  const blobKey = blobKeyOf(key, header);
  const held = Buffer.allocUnsafe(CHUNK_BYTES);
  let heldBytes = 0;
  let index = 0;
  let before: Uint8Array = header;
  for await (const piece of source) {
    let from = 0;
    while (from < piece.length) {
      // A full chunk is the last one unless something follows it.
      if (heldBytes === CHUNK_BYTES) {
        yield sealChunk(before, held, blobKey, { index, isLast: false });
        before = NOTHING;
        heldBytes = 0;
        index += 1;
      }
      const taken = Math.min(CHUNK_BYTES - heldBytes, piece.length - from);
      held.set(piece.subarray(from, from + taken), heldBytes);
      heldBytes += taken;
      from += taken;
    }
  }
  yield sealChunk(before, held.subarray(0, heldBytes), blobKey, { index, isLast: true });
}

/** A sealed blob, or one of those that a longer body is composed of. */
export interface SealedBlob {
  read(range: ByteRange): Promise<AsyncIterable<Uint8Array>>;
  /** Where in the body it begins. */
  readonly startBytes: number;
  /** Of its content. */
  readonly sizeBytes: number;
}

/**
 * The content of a sealed blob, or the part of it in `range` (which must lie inside it). Yields nothing that was not
 * authenticated; throws `blob-corrupt` when the key is another or the bytes are not what was sealed.
 */
export async function* openSealed(
  blob: SealedBlob,
  key: Uint8Array,
  range?: ByteRange,
): AsyncGenerator<Uint8Array, void, undefined> {
  const { sizeBytes, startBytes } = blob;
  const wanted = range ?? { start: 0, end: Math.max(sizeBytes - 1, 0) };
  const first = Math.floor(wanted.start / CHUNK_BYTES);
  const last = Math.floor(wanted.end / CHUNK_BYTES);
  const lastOfAll = chunksOf(sizeBytes) - 1;
  const chunksEnd =
    last === lastOfAll ? sealedBytes(sizeBytes) : HEADER_BYTES + (last + 1) * (CHUNK_BYTES + TAG_BYTES);
  const bytesOf = (start: number, end: number) =>
    blob.read({ start: startBytes + start, end: startBytes + end - 1 });

  const isFromStart = first === 0;
  const bytes = takeBytes(await bytesOf(0, isFromStart ? chunksEnd : HEADER_BYTES));
  let rest = bytes;
  try {
    const header = await bytes.take(HEADER_BYTES);
    if (!header.subarray(0, FORMAT.length).equals(FORMAT)) throw notSealed();
    const blobKey = blobKeyOf(key, header);
    if (!isFromStart) {
      await bytes.close();
      rest = takeBytes(await bytesOf(HEADER_BYTES + first * (CHUNK_BYTES + TAG_BYTES), chunksEnd));
    }
    for (let index = first; index <= last; index++) {
      const isLast = index === lastOfAll;
      const length = isLast ? sizeBytes - index * CHUNK_BYTES : CHUNK_BYTES;
      const content = openChunk(await rest.take(length + TAG_BYTES), blobKey, { index, isLast });
      const from = index === first ? wanted.start - index * CHUNK_BYTES : 0;
      const to = index === last ? wanted.end + 1 - index * CHUNK_BYTES : content.length;
      if (to > from && content.length > 0) yield content.subarray(from, to);
    }
  } finally {
    await rest.close();
  }
}

const NOTHING = new Uint8Array();

interface Place {
  readonly index: number;
  readonly isLast: boolean;
}

/** An empty blob has a chunk, too: what is not there cannot be authenticated. */
function chunksOf(sizeBytes: number): number {
  return Math.max(1, Math.ceil(sizeBytes / CHUNK_BYTES));
}

function sealChunk(before: Uint8Array, content: Uint8Array, key: Uint8Array, place: Place): Buffer {
  const cipher = createCipheriv('aes-256-gcm', key, nonceOf(place));
  return Buffer.concat([before, cipher.update(content), cipher.final(), cipher.getAuthTag()]);
}

function openChunk(sealed: Buffer, key: Uint8Array, place: Place): Buffer {
  const end = sealed.length - TAG_BYTES;
  const decipher = createDecipheriv('aes-256-gcm', key, nonceOf(place), { authTagLength: TAG_BYTES });
  decipher.setAuthTag(sealed.subarray(end));
  const content = decipher.update(sealed.subarray(0, end));
  try {
    decipher.final();
    return content;
  } catch (cause) {
    throw notSealed(cause);
  }
}

function nonceOf({ index, isLast }: Place): Buffer {
  const nonce = Buffer.alloc(NONCE_BYTES);
  nonce[0] = isLast ? 1 : 0;
  nonce.writeBigUInt64BE(BigInt(index), NONCE_BYTES - 8);
  return nonce;
}

function blobKeyOf(key: Uint8Array, header: Uint8Array): Uint8Array {
  return new Uint8Array(hkdfSync('sha256', key, header, PURPOSE, KEY_BYTES));
}

function notSealed(cause?: unknown): StoreError {
  return new StoreError(
    'blob-corrupt',
    'the content cannot be decrypted: its bytes or its key are not the right ones',
    {
      cause,
    },
  );
}
