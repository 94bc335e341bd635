import { createHmac, hkdfSync } from 'node:crypto';
import { type Digest, makeDigest } from '@zot-artifact-store/spec';
import type { PreparedBlob } from '../../../content/content-store.ts';
import type { HashAlgorithm } from '../../../content/hashing/hash-algorithm.ts';
import { type RunningHash, startHash } from '../../../content/hashing/running-hash.ts';
import type { RequestContext } from '../../../http/protocol.ts';
import { explainPayloadError, type Payload, sha256Mismatch } from '../auth/payload.ts';
import type { S3Deps } from '../deps.ts';
import { seal, sealedBytes } from '../encryption/sealed-blob.ts';
import type { Sealing } from '../encryption/sealing.ts';
import { S3Error } from '../errors.ts';
import type { ChecksumAlgorithm } from '../store/records.ts';
import { assertChecksumValue, badChecksum, base64OfHex, CHECKSUMS, type ChecksumSent } from './checksum.ts';
import { assertMd5 } from './content-md5.ts';

const ETAG_PURPOSE = 'zas s3 entity tag';
const ETAG_KEY_BYTES = 32;

/** 5 GiB in one request, as at Amazon. */
export const MAX_PUT_BYTES = 5 * 1024 ** 3;

export interface CheckedBody {
  readonly payload: Pick<Payload, 'source' | 'sizeBytes' | 'sha256' | 'trailers'>;
  /** Hex. */
  readonly md5: string | undefined;
  readonly checksum: ChecksumSent | undefined;
  /** What its owner wants to know, whatever the client sent. */
  readonly alsoHash: ChecksumAlgorithm;
  /** Undefined stores the body as it comes. */
  readonly sealing: Sealing | undefined;
  readonly maxBytes?: number;
}

/** A body that is durable, and what is known of its content. */
export interface CheckedBlob {
  readonly prepared: PreparedBlob;
  readonly sizeBytes: number;
  /** In hex, as long as an MD5: that of the content, or one that tells nothing of it without its key. */
  readonly etag: string;
  /** Base64, of `alsoHash`. */
  readonly checksum: string;
  /** Undefined when it must not be kept beside content that was encrypted with the key of a customer. */
  readonly sha256: Digest | undefined;
}

/**
 * The bytes of a body, durable and checked against everything the client said of them. Nothing is left of a body that
 * throws: XAmzContentSHA256Mismatch, BadDigest, IncompleteBody, EntityTooLarge.
 */
export async function ingestChecked(
  body: CheckedBody,
  { signal }: Pick<RequestContext, 'signal'>,
  { content }: Pick<S3Deps, 'content'>,
): Promise<CheckedBlob> {
  const { payload, md5, checksum, alsoHash, sealing } = body;
  const algorithms = new Set<HashAlgorithm>(['md5', CHECKSUMS[alsoHash].hash]);
  if (checksum !== undefined) algorithms.add(CHECKSUMS[checksum.algorithm].hash);
  const ingested = await (sealing === undefined
    ? ingestPlain(body, { algorithms, signal, content })
    : ingestSealed(body, sealing.key, { algorithms, signal, content }));
  const { prepared, sizeBytes, hashes, sha256 } = ingested;
  try {
    assertMd5(md5, hashes.md5 ?? '');
    if (checksum !== undefined) {
      const { hash, header } = CHECKSUMS[checksum.algorithm];
      const expected = checksum.value ?? trailing(checksum.algorithm, payload.trailers().get(header));
      if (expected !== base64OfHex(hashes[hash] ?? '')) throw badChecksum(checksum.algorithm);
    }
    if (payload.sha256 !== undefined && payload.sha256 !== sha256) {
      throw sha256Mismatch(payload.sha256.slice(7), sha256.slice(7));
    }
  } catch (error) {
    await prepared.discard();
    throw error;
  }
  return {
    prepared,
    sizeBytes,
    etag: etagOf(hashes.md5 ?? '', sealing),
    checksum: base64OfHex(hashes[CHECKSUMS[alsoHash].hash] ?? ''),
    sha256: sealing?.encryption.kind === 'customer' ? undefined : sha256,
  };
}

/** The same content has the same tag under the same key: a part that is sent again is the same part. */
function etagOf(md5Hex: string, sealing: Sealing | undefined): string {
  if (sealing === undefined || sealing.encryption.kind === 'server') return md5Hex;
  const key = hkdfSync('sha256', sealing.key, '', ETAG_PURPOSE, ETAG_KEY_BYTES);
  return createHmac('sha256', new Uint8Array(key)).update(md5Hex).digest('hex').slice(0, md5Hex.length);
}

interface Ingested {
  readonly prepared: PreparedBlob;
  readonly sizeBytes: number;
  readonly hashes: PreparedBlob['hashes'];
  readonly sha256: Digest;
}

interface Ingest extends Pick<RequestContext, 'signal'>, Pick<S3Deps, 'content'> {
  readonly algorithms: ReadonlySet<HashAlgorithm>;
}

async function ingestPlain(
  { payload, maxBytes = MAX_PUT_BYTES }: CheckedBody,
  { algorithms, signal, content }: Ingest,
): Promise<Ingested> {
  const { sizeBytes, sha256 } = payload;
  try {
    const prepared = await content.ingest(payload.source, {
      alsoHash: [...algorithms],
      maxBytes,
      signal,
      ...(sizeBytes !== undefined && { expectedBytes: sizeBytes }),
      ...(sha256 !== undefined && { expected: sha256 }),
    });
    return { prepared, sizeBytes: prepared.sizeBytes, hashes: prepared.hashes, sha256: prepared.digest };
  } catch (error) {
    throw explainPayloadError(error, payload);
  }
}

/** The content is hashed here, on its way to be sealed: what the store hashes is what it stores. */
async function ingestSealed(
  { payload, maxBytes = MAX_PUT_BYTES }: CheckedBody,
  key: Uint8Array,
  { algorithms, signal, content }: Ingest,
): Promise<Ingested> {
  const running = new Map<HashAlgorithm, RunningHash>();
  for (const algorithm of [...algorithms, 'sha256'] as const) running.set(algorithm, startHash(algorithm));
  let sizeBytes = 0;
  async function* watched(): AsyncGenerator<Uint8Array, void, undefined> {
    for await (const piece of payload.source) {
      sizeBytes += piece.length;
      for (const hash of running.values()) hash.update(piece);
      yield piece;
    }
  }
  const prepared = await content.ingest(seal(watched(), key), {
    maxBytes: sealedBytes(maxBytes),
    signal,
    ...(payload.sizeBytes !== undefined && { expectedBytes: sealedBytes(payload.sizeBytes) }),
  });
  const hashes = Object.fromEntries([...running].map(([algorithm, hash]) => [algorithm, hash.hex()]));
  return { prepared, sizeBytes, hashes, sha256: makeDigest('sha256', hashes.sha256 ?? '') };
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
