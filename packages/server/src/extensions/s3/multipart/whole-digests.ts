import { createHash } from 'node:crypto';
import { type Digest, makeDigest } from '@zot-artifact-store/spec';
import { decodeKey } from '../../../metadata/keys.ts';
import { transact } from '../../../metadata/transaction.ts';
import type { BucketName } from '../bucket-name.ts';
import type { S3Deps } from '../deps.ts';
import { openContent } from '../encryption/open-content.ts';
import { openingKey } from '../encryption/opening.ts';
import { s3Keys } from '../store/keyspace.ts';
import type { ObjectVersion } from '../store/records.ts';
import { type FoundVersion, isObject } from '../store/versions.ts';

type Deps = Pick<S3Deps, 'metadata' | 'content' | 'buckets' | 'versions' | 'clock' | 'log' | 'keyring'>;

const BATCH = 50;
/** A version that could not be hashed is looked at again after this long. */
const RETRY_MS = 10 * 60 * 1000;

/**
 * Gives multipart objects the digest of their whole content: reads each once, in the background, and makes that digest
 * the name of its body. Where the store has the same bytes already the parts are let go. Returns how many it did.
 */
export async function computeWholeDigests(deps: Deps, signal: AbortSignal): Promise<number> {
  let done = 0;
  for (;;) {
    signal.throwIfAborted();
    const rows = await deps.metadata.scan(
      { from: s3Keys.wholesDue(), to: s3Keys.wholesDueBefore(deps.clock.now() + 1) },
      { limit: BATCH },
    );
    for (const row of rows) {
      signal.throwIfAborted();
      try {
        if (await computeOne(deps, row.key, row.value, signal)) done += 1;
        await deps.metadata.commit({ deletes: [row.key] });
      } catch (error) {
        if (signal.aborted) throw error;
        deps.log.warn({ err: error }, 'the digest of an object could not be computed');
        await postpone(deps, row.key, row.value);
      }
    }
    if (rows.length < BATCH) return done;
  }
}

/** False when the version is gone, or has its digest already. */
async function computeOne(
  deps: Deps,
  rowKey: Uint8Array,
  bucketName: Uint8Array,
  signal: AbortSignal,
): Promise<boolean> {
  const [, , , bucketId, key, order] = decodeKey(rowKey).map(String);
  if (bucketId === undefined || key === undefined || order === undefined) return false;
  const name = Buffer.from(bucketName).toString() as BucketName; // it was one when the row was written
  const find = async (): Promise<FoundVersion<ObjectVersion> | undefined> => {
    const bucket = await deps.buckets.find(name);
    if (bucket?.record.id !== bucketId) return undefined;
    const found = await deps.versions.findByOrder({ bucket, key }, order);
    return found !== undefined && isObject(found) && found.record.sha256 === undefined ? found : undefined;
  };
  const found = await find();
  if (found === undefined) return false;
  const { body, sizeBytes, encryption } = found.record;
  const sha256 =
    encryption === undefined
      ? makeDigest('sha256', (await deps.content.hashWhole(body, ['sha256'], { signal })).sha256 ?? '')
      : await digestOfSealed(
          { bucket: await deps.buckets.require(name), key, record: found.record },
          deps,
          signal,
        );
  // What is sealed keeps its provisional name: the digest is of something else than what is stored.
  const isNamed = encryption === undefined;
  const prepared = isNamed ? [deps.content.compose(sha256, [{ digest: body, sizeBytes }])] : [];
  return deps.content.transact(prepared, async (transaction) => {
    const bucket = await deps.buckets.find(name);
    const now = await find();
    if (bucket === undefined || now === undefined) return false;
    await deps.versions.update(transaction, { bucket, key }, now, {
      record: isNamed ? { sha256, body: sha256 } : { sha256 },
    });
    return true;
  });
}

async function digestOfSealed(
  sealed: Parameters<typeof openContent>[0],
  deps: Deps,
  signal: AbortSignal,
): Promise<Digest> {
  const key = openingKey(sealed.record.encryption, undefined, deps.keyring);
  const hash = createHash('sha256');
  for await (const piece of await openContent(sealed, { key, signal }, deps)) hash.update(piece);
  return makeDigest('sha256', hash.digest('hex'));
}

async function postpone({ metadata, clock }: Deps, rowKey: Uint8Array, value: Uint8Array): Promise<void> {
  const [, , , bucketId = '', key = '', order = ''] = decodeKey(rowKey).map(String);
  await transact(metadata, (transaction) => {
    transaction.delete(rowKey);
    transaction.put(s3Keys.wholeDue(clock.now() + RETRY_MS, bucketId, key, order), value);
  });
}
