import type { Digest } from '@zot-artifact-store/spec';
import type { EdgeOwner } from '../../../content/content-store.ts';
import { decodeKey } from '../../../metadata/keys.ts';
import type { Entry, Key, MetadataStore } from '../../../metadata/metadata-store.ts';
import { partCodec } from '../multipart/records.ts';
import { partOwner } from '../multipart/uploads.ts';
import { s3Keys } from './keyspace.ts';
import { type VersionRecord, versionCodec } from './records.ts';
import { versionOwner } from './versions.ts';

/** What S3 says about edges, so that a check of the store can compare both ways. */
export interface S3Owners {
  /** Every edge that must exist. */
  expected(): AsyncIterable<{ readonly digest: Digest; readonly owner: EdgeOwner }>;
  /** Whether the owner exists and needs the blob; false for owners that are not of S3. */
  holds(digest: Digest, owner: EdgeOwner): Promise<boolean>;
}

const PAGE = 500;

export function createS3Owners(metadata: MetadataStore): S3Owners {
  async function* expected() {
    for (const prefix of [s3Keys.allCurrents(), s3Keys.allVersions()]) {
      for await (const { key, value } of scanAll(metadata, prefix)) {
        const record = versionCodec.decode(value);
        if (record.kind !== 'object') continue;
        const { bucketId, objectKey } = decodeVersionKey(key);
        yield { digest: record.body, owner: versionOwner(bucketId, objectKey, record.order) };
      }
    }
    for await (const { key, value } of scanAll(metadata, s3Keys.allParts())) {
      const [, , uploadId, partNumber] = decodeKey(key);
      yield {
        digest: partCodec.decode(value).digest,
        owner: partOwner(String(uploadId), Number(partNumber)),
      };
    }
  }

  async function holds(digest: Digest, owner: EdgeOwner): Promise<boolean> {
    if (owner[0] === 's3-part') return holdsPart(digest, owner);
    const [kind, bucketId, key, order] = owner;
    if (kind !== 's3') return false;
    if (typeof bucketId !== 'string' || typeof key !== 'string' || typeof order !== 'string') return false;
    const rows = await metadata.getMany([
      s3Keys.current(bucketId, key),
      s3Keys.version(bucketId, key, order),
    ]);
    return rows.some((row) => row !== undefined && isHolder(versionCodec.decode(row), digest, order));
  }

  async function holdsPart(digest: Digest, [, uploadId, partNumber]: EdgeOwner): Promise<boolean> {
    if (typeof uploadId !== 'string' || typeof partNumber !== 'number') return false;
    const row = await metadata.get(s3Keys.part(uploadId, partNumber));
    return row !== undefined && partCodec.decode(row).digest === digest;
  }

  return { expected, holds };
}

function isHolder(record: VersionRecord, digest: Digest, order: string): boolean {
  return record.kind === 'object' && record.order === order && record.body === digest;
}

function decodeVersionKey(key: Key): { readonly bucketId: string; readonly objectKey: string } {
  const [, , bucketId, objectKey] = decodeKey(key);
  if (typeof bucketId !== 'string' || typeof objectKey !== 'string') throw new Error('not a version key');
  return { bucketId, objectKey };
}

async function* scanAll(metadata: MetadataStore, prefix: Key): AsyncGenerator<Entry> {
  let after: Key | undefined;
  for (;;) {
    const page = await metadata.scan(
      { prefix },
      after === undefined ? { limit: PAGE } : { limit: PAGE, after },
    );
    yield* page;
    after = page.at(-1)?.key;
    if (after === undefined || page.length < PAGE) return;
  }
}
