import { randomBytes } from 'node:crypto';
import { MAX_VALUE_BYTES, type MetadataStore } from '../../../metadata/metadata-store.ts';
import type { Transaction } from '../../../metadata/transaction.ts';
import type { BucketName } from '../bucket-name.ts';
import type { Buckets, StoredBucket } from './buckets.ts';
import { s3Keys } from './keyspace.ts';
import type { DocumentKind } from './records.ts';

/** Configuration documents of buckets: whole texts, changed whole. */
export interface Documents {
  /** Undefined when the bucket has none. */
  read(bucket: StoredBucket, kind: DocumentKind): Promise<string | undefined>;
  /**
   * What `parse` makes of the document, kept as long as the document is the same. Throws what `parse` throws: a
   * document that cannot be read must not pass for none.
   */
  parsed<T>(bucket: StoredBucket, kind: DocumentKind, parse: (text: string) => T): Promise<T | undefined>;
  /** Throws NoSuchBucket, and what `check` throws of the bucket as it is when the document is written. */
  put(
    name: BucketName,
    kind: DocumentKind,
    text: string,
    check?: (bucket: StoredBucket) => void,
  ): Promise<void>;
  /** Removing what is not there succeeds. */
  remove(name: BucketName, kind: DocumentKind): Promise<void>;
}

const MAX_ROWS = 512;
const CACHED_DOCUMENTS = 1000;

export function createDocuments(metadata: MetadataStore, buckets: Buckets): Documents {
  const cache = new Map<string, unknown>();

  const read = async ({ record }: StoredBucket, kind: DocumentKind): Promise<string | undefined> => {
    if (record.documents[kind] === undefined) return undefined;
    const rows = await metadata.scan({ prefix: s3Keys.documentParts(record.id, kind) }, { limit: MAX_ROWS });
    return rows.length === 0 ? undefined : Buffer.concat(rows.map(({ value }) => value)).toString();
  };

  return {
    read,

    async parsed<T>(bucket: StoredBucket, kind: DocumentKind, parse: (text: string) => T) {
      const revision = bucket.record.documents[kind]?.revision;
      if (revision === undefined) return undefined;
      const name = `${bucket.record.id}/${kind}/${revision}`;
      // What is kept under a name was made by the one parser of its kind.
      if (cache.has(name)) return cache.get(name) as T;
      const text = await read(bucket, kind);
      if (text === undefined) return undefined;
      const value = parse(text);
      // A newer document may have come between the bucket and its rows: then this is not what the name says.
      const now = await buckets.find(bucket.name);
      if (now?.record.id === bucket.record.id && now.record.documents[kind]?.revision === revision) {
        if (cache.size >= CACHED_DOCUMENTS) cache.delete(cache.keys().next().value ?? '');
        cache.set(name, value);
      }
      return value;
    },

    async put(name, kind, text, check) {
      const bytes = Buffer.from(text);
      await buckets.update(name, (bucket, transaction) => {
        check?.(bucket);
        const { id, documents } = bucket.record;
        dropRows(transaction, bucket, kind);
        const rows = Math.max(1, Math.ceil(bytes.length / MAX_VALUE_BYTES));
        if (rows > MAX_ROWS) throw new Error(`a ${kind} document has ${bytes.length} bytes`);
        for (let row = 0; row < rows; row++) {
          const piece = bytes.subarray(row * MAX_VALUE_BYTES, (row + 1) * MAX_VALUE_BYTES);
          transaction.put(s3Keys.document(id, kind, row), piece);
        }
        const place = { revision: randomBytes(8).toString('hex'), rows };
        return { ...bucket.record, documents: { ...documents, [kind]: place } };
      });
    },

    async remove(name, kind) {
      await buckets.update(name, (bucket, transaction) => {
        dropRows(transaction, bucket, kind);
        const { [kind]: _removed, ...documents } = bucket.record.documents;
        return { ...bucket.record, documents };
      });
    },
  };
}

/** Deletes come before puts, so the rows of the next document may have the same keys. */
function dropRows(transaction: Transaction, { record }: StoredBucket, kind: DocumentKind): void {
  for (let row = 0; row < (record.documents[kind]?.rows ?? 0); row++) {
    transaction.delete(s3Keys.document(record.id, kind, row));
  }
}
