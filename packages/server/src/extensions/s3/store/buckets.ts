import { randomBytes } from 'node:crypto';
import { decodeKey } from '../../../metadata/keys.ts';
import type { MetadataStore } from '../../../metadata/metadata-store.ts';
import { type Transaction, transact } from '../../../metadata/transaction.ts';
import type { BucketName } from '../bucket-name.ts';
import { S3Error } from '../errors.ts';
import { DecodedRows } from './decoded-rows.ts';
import { s3Keys } from './keyspace.ts';
import { type BucketRecord, bucketCodec, type UserName } from './records.ts';
import { rememberUser } from './users.ts';

export interface StoredBucket {
  readonly name: BucketName;
  readonly record: BucketRecord;
  /** For `expectBucket`: a write that decided on this record expects it unchanged. */
  readonly raw: Uint8Array;
}

export interface Buckets {
  find(name: BucketName): Promise<StoredBucket | undefined>;
  /** Throws NoSuchBucket. */
  require(name: BucketName): Promise<StoredBucket>;
  /** Throws BucketAlreadyOwnedByYou and BucketAlreadyExists. `alsoWrite` adds to the same transaction. */
  create(
    name: BucketName,
    record: Omit<BucketRecord, 'id' | 'createdAtMs'>,
    alsoWrite?: (transaction: Transaction) => void,
  ): Promise<StoredBucket>;
  /** Read, change, write, until no other writer comes in between. Throws NoSuchBucket, and what `change` throws. */
  update(
    name: BucketName,
    change: (bucket: StoredBucket, transaction: Transaction) => Promise<BucketRecord> | BucketRecord,
  ): Promise<StoredBucket>;
  /** Throws NoSuchBucket and BucketNotEmpty. Pending uploads and documents are removed by a task afterwards. */
  delete(name: BucketName, alsoWrite?: (transaction: Transaction) => void): Promise<void>;
  /** In byte order of names, strictly after `after`; of one owner, or of everyone when that is undefined. */
  list(options: {
    readonly owner?: UserName;
    readonly prefix?: string;
    readonly after?: string;
    readonly limit: number;
  }): Promise<readonly StoredBucket[]>;
  /** The transaction fails when the bucket has changed or is gone. */
  expectBucket(transaction: Transaction, bucket: StoredBucket): void;
}

export function createBuckets(metadata: MetadataStore, clock: { now(): number }): Buckets {
  const records = new DecodedRows(bucketCodec.decode);
  const find = async (name: BucketName): Promise<StoredBucket | undefined> => {
    const raw = await metadata.get(s3Keys.bucket(name));
    return raw === undefined ? undefined : { name, raw, record: records.of(name, raw) };
  };
  const require = async (name: BucketName): Promise<StoredBucket> => {
    const bucket = await find(name);
    if (bucket === undefined) throw noSuchBucket(name);
    return bucket;
  };
  const put = (transaction: Transaction, name: BucketName, record: BucketRecord): StoredBucket => {
    const raw = bucketCodec.encode(record);
    transaction.put(s3Keys.bucket(name), raw);
    return { name, record, raw };
  };
  const expectBucket = (transaction: Transaction, { name, raw }: StoredBucket): void => {
    transaction.expectUnchanged(s3Keys.bucket(name), raw);
  };

  return {
    find,
    require,
    expectBucket,

    create: (name, record, alsoWrite) =>
      transact(metadata, async (transaction) => {
        const existing = await find(name);
        if (existing !== undefined) throw bucketExists(existing, record);
        transaction.expectAbsent(s3Keys.bucket(name));
        transaction.put(s3Keys.bucketOf(record.owner, name), new Uint8Array());
        rememberUser(transaction, record.owner);
        alsoWrite?.(transaction);
        return put(transaction, name, {
          ...record,
          id: randomBytes(8).toString('hex'),
          createdAtMs: clock.now(),
        });
      }),

    update: (name, change) =>
      transact(metadata, async (transaction) => {
        const bucket = await require(name);
        expectBucket(transaction, bucket);
        return put(transaction, name, await change(bucket, transaction));
      }),

    delete: (name, alsoWrite) =>
      transact(metadata, async (transaction) => {
        const bucket = await require(name);
        const { id, owner } = bucket.record;
        const [current, version] = await Promise.all([
          metadata.scan({ prefix: s3Keys.currents(id) }, { limit: 1 }),
          metadata.scan({ prefix: s3Keys.versions(id) }, { limit: 1 }),
        ]);
        if (current.length + version.length > 0) {
          throw new S3Error('BucketNotEmpty', 'The bucket you tried to delete is not empty', {
            resource: name,
            fields: { BucketName: name },
          });
        }
        transaction.mayUseReserve = true;
        expectBucket(transaction, bucket);
        transaction.expectEmpty(s3Keys.currents(id));
        transaction.expectEmpty(s3Keys.versions(id));
        transaction.delete(s3Keys.bucket(name));
        transaction.delete(s3Keys.bucketOf(owner, name));
        transaction.put(s3Keys.bucketGone(id), new Uint8Array());
        alsoWrite?.(transaction);
      }),

    async list({ owner, prefix = '', after, limit }) {
      const base = owner === undefined ? s3Keys.bucketsUnder(prefix) : s3Keys.bucketsOfUnder(owner, prefix);
      const rowOf = (name: string) =>
        owner === undefined ? s3Keys.bucket(name) : s3Keys.bucketOf(owner, name);
      const found: StoredBucket[] = [];
      let last = after;
      for (;;) {
        const wanted = limit - found.length;
        const rows = await metadata.scan(
          { prefix: base },
          { limit: wanted, ...(last === undefined ? {} : { after: rowOf(last) }) },
        );
        const names = rows.map(({ key }) => String(decodeKey(key).at(-1)) as BucketName); // it was one when it was put
        // One that went meanwhile leaves a place, and a short page would be taken for the last one.
        found.push(...(await Promise.all(names.map(find))).filter((bucket) => bucket !== undefined));
        last = names.at(-1);
        if (last === undefined || rows.length < wanted || found.length >= limit) return found;
      }
    },
  };
}

export function noSuchBucket(name: string): S3Error {
  return new S3Error('NoSuchBucket', 'The specified bucket does not exist', {
    resource: name,
    fields: { BucketName: name },
  });
}

/** One's own bucket with another ACL is not what was asked for. */
function bucketExists({ name, record }: StoredBucket, asked: Pick<BucketRecord, 'owner' | 'acl'>): S3Error {
  const fields = { BucketName: name };
  const isAsAsked = record.owner === asked.owner && JSON.stringify(record.acl) === JSON.stringify(asked.acl);
  return isAsAsked
    ? new S3Error(
        'BucketAlreadyOwnedByYou',
        'Your previous request to create the named bucket succeeded and you already own it.',
        { resource: name, fields },
      )
    : new S3Error('BucketAlreadyExists', 'The requested bucket name is not available; choose another name.', {
        resource: name,
        fields,
      });
}
