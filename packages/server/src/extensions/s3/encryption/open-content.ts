import type { ByteRange } from '../../../content/blob-driver.ts';
import type { S3Deps } from '../deps.ts';
import { type FoundObject, noSuchKey } from '../object/find-object.ts';
import { readParts } from '../store/object-parts.ts';
import type { ObjectPart } from '../store/records.ts';
import { openSealed, sealedBytes } from './sealed-blob.ts';

export interface ContentRead {
  /** Undefined for an object that is not encrypted. */
  readonly key: Uint8Array | undefined;
  /** Inside the object; undefined for all of it. */
  readonly range?: ByteRange | undefined;
  readonly signal?: AbortSignal;
}

/** The content of an object, or a part of it, as its writer sent it. Throws as `content.read` and `openSealed`. */
export async function openContent(
  found: Pick<FoundObject, 'bucket' | 'key' | 'record'>,
  { key, range, signal }: ContentRead,
  deps: Pick<S3Deps, 'content' | 'metadata'>,
): Promise<AsyncIterable<Uint8Array>> {
  const { body } = found.record;
  const read = (part: ByteRange | undefined) =>
    deps.content.read(body, { ...(part && { range: part }), ...(signal && { signal }) });
  if (key === undefined) return read(range);
  return openBlobs(await blobsOf(found, deps), { key, read, range });
}

interface Blob {
  readonly sizeBytes: number;
}

/** An object is sealed as it came: in one piece, or part by part. */
async function blobsOf(
  { bucket, key, record }: Pick<FoundObject, 'bucket' | 'key' | 'record'>,
  { metadata }: Pick<S3Deps, 'metadata'>,
): Promise<readonly Blob[]> {
  if (record.partPages === undefined) return [record];
  const parts: readonly ObjectPart[] | undefined = await readParts(
    metadata,
    { bucketId: bucket.record.id, key },
    record,
  );
  if (parts === undefined) throw noSuchKey(key);
  return parts;
}

async function* openBlobs(
  blobs: readonly Blob[],
  {
    key,
    read,
    range,
  }: {
    readonly key: Uint8Array;
    read(range: ByteRange): Promise<AsyncIterable<Uint8Array>>;
    readonly range: ByteRange | undefined;
  },
): AsyncGenerator<Uint8Array, void, undefined> {
  let startBytes = 0;
  let contentStart = 0;
  for (const { sizeBytes } of blobs) {
    const wanted = range && within(range, contentStart, sizeBytes);
    if (range === undefined || wanted !== undefined) {
      yield* openSealed({ read, startBytes, sizeBytes }, key, wanted);
    }
    startBytes += sealedBytes(sizeBytes);
    contentStart += sizeBytes;
  }
}

/** The part of a blob that a range of the whole touches; undefined when it does not. */
function within(range: ByteRange, contentStart: number, sizeBytes: number): ByteRange | undefined {
  const start = Math.max(range.start - contentStart, 0);
  const end = Math.min(range.end - contentStart, sizeBytes - 1);
  return start <= end ? { start, end } : undefined;
}
