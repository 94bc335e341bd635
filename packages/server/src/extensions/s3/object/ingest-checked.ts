import type { PreparedBlob } from '../../../content/content-store.ts';
import type { HashAlgorithm } from '../../../content/hashing/hash-algorithm.ts';
import type { RequestContext } from '../../../http/protocol.ts';
import { explainPayloadError, type Payload } from '../auth/payload.ts';
import type { S3Deps } from '../deps.ts';
import { S3Error } from '../errors.ts';
import type { ChecksumAlgorithm } from '../store/records.ts';
import { assertChecksumValue, badChecksum, base64OfHex, CHECKSUMS, type ChecksumSent } from './checksum.ts';
import { assertMd5 } from './content-md5.ts';

/** 5 GiB in one request, as at Amazon. */
export const MAX_PUT_BYTES = 5 * 1024 ** 3;

export interface CheckedBody {
  readonly payload: Pick<Payload, 'source' | 'sizeBytes' | 'sha256' | 'trailers'>;
  /** Hex. */
  readonly md5: string | undefined;
  readonly checksum: ChecksumSent | undefined;
  /** What its owner wants to know, whatever the client sent. */
  readonly alsoHash: ChecksumAlgorithm;
  readonly maxBytes?: number;
}

/**
 * The bytes of a body, durable and checked against everything the client said of them; MD5 and the algorithm asked for
 * are in `hashes`. Nothing is left of a body that throws: XAmzContentSHA256Mismatch, BadDigest, IncompleteBody,
 * EntityTooLarge.
 */
export async function ingestChecked(
  { payload, md5, checksum, alsoHash, maxBytes = MAX_PUT_BYTES }: CheckedBody,
  { signal }: Pick<RequestContext, 'signal'>,
  { content }: Pick<S3Deps, 'content'>,
): Promise<PreparedBlob> {
  const { sizeBytes, sha256 } = payload;
  const hashes = new Set<HashAlgorithm>(['md5', CHECKSUMS[alsoHash].hash]);
  if (checksum !== undefined) hashes.add(CHECKSUMS[checksum.algorithm].hash);
  let prepared: PreparedBlob;
  try {
    prepared = await content.ingest(payload.source, {
      alsoHash: [...hashes],
      maxBytes,
      signal,
      ...(sizeBytes !== undefined && { expectedBytes: sizeBytes }),
      ...(sha256 !== undefined && { expected: sha256 }),
    });
  } catch (error) {
    throw explainPayloadError(error, payload);
  }
  try {
    assertMd5(md5, prepared.hashes.md5 ?? '');
    if (checksum !== undefined) {
      const { hash, header } = CHECKSUMS[checksum.algorithm];
      const expected = checksum.value ?? trailing(checksum.algorithm, payload.trailers().get(header));
      if (expected !== base64OfHex(prepared.hashes[hash] ?? '')) throw badChecksum(checksum.algorithm);
    }
    return prepared;
  } catch (error) {
    await prepared.discard();
    throw error;
  }
}

/** Throws EntityTooLarge, before anything of the body is read. */
export function assertSize(sizeBytes: number | undefined, maxBytes = MAX_PUT_BYTES): void {
  if (sizeBytes === undefined || sizeBytes <= maxBytes) return;
  throw new S3Error('EntityTooLarge', 'Your proposed upload exceeds the maximum allowed object size', {
    fields: { ProposedSize: String(sizeBytes), MaxSizeAllowed: String(maxBytes) },
  });
}

function trailing(algorithm: ChecksumAlgorithm, value: string | undefined): string {
  if (value === undefined) {
    throw new S3Error('MalformedTrailerError', `The trailer ${CHECKSUMS[algorithm].header} did not come.`);
  }
  assertChecksumValue(algorithm, value);
  return value;
}
