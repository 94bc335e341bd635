import type { ObjectFacts, ObjectTools } from '../cli/services.ts';
import { parseBucketName } from '../extensions/s3/bucket-name.ts';
import { checksumText } from '../extensions/s3/object/checksum.ts';
import { noSuchKey, noSuchVersion } from '../extensions/s3/object/find-object.ts';
import { DEFAULT_CONTENT_TYPE } from '../extensions/s3/object/stored-headers.ts';
import { assertVersionId } from '../extensions/s3/object/version-id.ts';
import { assertObjectKey } from '../extensions/s3/object-key.ts';
import { createBuckets } from '../extensions/s3/store/buckets.ts';
import { createVersions } from '../extensions/s3/store/create-versions.ts';
import type { ObjectVersion, VersionExtra } from '../extensions/s3/store/records.ts';
import { versionIdOf } from '../extensions/s3/store/versions.ts';
import type { Stores } from './open-stores.ts';

/** Objects of S3, for the command line. */
export function objectTools(
  { metadata, volumes }: Pick<Stores, 'metadata' | 'volumes'>,
  clock: { now(): number },
): ObjectTools {
  const buckets = createBuckets(metadata, clock);
  const versions = createVersions({ metadata, content: volumes[0].content, clock });
  return {
    async stat({ bucket: name, key, versionId }) {
      const bucketName = parseBucketName(name);
      assertObjectKey(key);
      if (versionId !== undefined) assertVersionId(versionId);
      const bucket = await buckets.require(bucketName);
      const described = await versions.describe({ bucket, key }, versionId);
      if (described?.extra === undefined) {
        throw versionId === undefined ? noSuchKey(key) : noSuchVersion(key, versionId);
      }
      return factsOf(described.found.record, described.extra);
    },
  };
}

const ENCRYPTIONS = { server: 'AES256', named: 'aws:kms', customer: 'customer key' } as const;

function factsOf(record: ObjectVersion, { headers }: VersionExtra): ObjectFacts {
  const { checksum, partsCount } = record;
  return {
    sizeBytes: record.sizeBytes,
    etag: record.etag,
    contentType: headers['content-type'] ?? DEFAULT_CONTENT_TYPE,
    modifiedAtMs: record.modifiedAtMs,
    versionId: versionIdOf(record),
    owner: record.owner,
    ...(record.sha256 !== undefined && { digest: record.sha256 }),
    ...(record.encryption !== undefined && { encryption: ENCRYPTIONS[record.encryption.kind] }),
    ...(checksum !== undefined && {
      checksum: {
        algorithm: checksum.algorithm,
        type: checksum.type,
        value: checksumText(checksum, partsCount),
      },
    }),
    ...(partsCount !== undefined && { partsCount }),
  };
}
