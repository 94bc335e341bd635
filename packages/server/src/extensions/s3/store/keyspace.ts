import { extensionKey } from '../../../extension/keyspace.ts';
import { encodeStringPrefix, type KeyPart } from '../../../metadata/keys.ts';
import type { Key } from '../../../metadata/metadata-store.ts';

const s3 = (...parts: readonly KeyPart[]): Key => extensionKey('s3', ...parts);

/**
 * The tables of the S3 extension. A bucket's rows stand under its id, which a bucket created later under the same name
 * does not share.
 *
 * - b name: the bucket.
 * - B owner, name: the same by owner, for ListBuckets.
 * - g bucket: the bucket was deleted; its uploads and documents are still to be removed.
 * - o bucket, key: the current version, unless that is a delete marker. What plain listings read.
 * - m bucket, key: the current version, when that is a delete marker.
 * - v bucket, key, order: noncurrent versions, and delete markers, the current one too; newest first.
 * - n bucket, key: the order of the version with the id `null`, when it stands in `v`.
 * - x bucket, key, order, part: what of a version's headers, metadata and tags does not fit into its row.
 * - y bucket, key, order, page: the parts of a multipart version.
 * - u bucket, key, upload: a multipart upload under way. p upload, number: a part of it.
 * - f upload: a finished one, so that finishing it again gets the same answer.
 * - q upload: an upload that is over; its parts are still to be let go.
 * - d bucket, kind, part: a configuration document of the bucket (policy, cors, lifecycle ...).
 * - k access key id: an access key; K user, access key id: the same by user.
 * - i canonical id: the user who has it.
 * - r user, r access key id: temporary credentials made before this are revoked.
 * - w due, bucket, key, order: a version whose whole-content digest is still to be computed.
 */
export const s3Keys = {
  bucket: (name: string): Key => s3('b', name),
  buckets: (): Key => s3('b'),
  bucketsUnder: (prefix: string): Key => encodeStringPrefix(s3('b'), prefix),
  bucketOf: (owner: string, name: string): Key => s3('B', owner, name),
  bucketsOfUnder: (owner: string, prefix: string): Key => encodeStringPrefix(s3('B', owner), prefix),
  bucketGone: (bucketId: string): Key => s3('g', bucketId),
  bucketsGone: (): Key => s3('g'),

  current: (bucketId: string, key: string): Key => s3('o', bucketId, key),
  currents: (bucketId: string): Key => s3('o', bucketId),
  allCurrents: (): Key => s3('o'),
  currentsUnder: (bucketId: string, prefix: string): Key => encodeStringPrefix(s3('o', bucketId), prefix),

  currentMarker: (bucketId: string, key: string): Key => s3('m', bucketId, key),

  version: (bucketId: string, key: string, order: string): Key => s3('v', bucketId, key, order),
  versionsOf: (bucketId: string, key: string): Key => s3('v', bucketId, key),
  versions: (bucketId: string): Key => s3('v', bucketId),
  allVersions: (): Key => s3('v'),
  versionsUnder: (bucketId: string, prefix: string): Key => encodeStringPrefix(s3('v', bucketId), prefix),
  nullVersion: (bucketId: string, key: string): Key => s3('n', bucketId, key),

  extra: (bucketId: string, key: string, order: string, part: number): Key =>
    s3('x', bucketId, key, order, part),
  extras: (bucketId: string, key: string, order: string): Key => s3('x', bucketId, key, order),

  objectParts: (bucketId: string, key: string, order: string, page: number): Key =>
    s3('y', bucketId, key, order, page),

  upload: (bucketId: string, key: string, uploadId: string): Key => s3('u', bucketId, key, uploadId),
  uploads: (bucketId: string): Key => s3('u', bucketId),
  uploadsUnder: (bucketId: string, prefix: string): Key => encodeStringPrefix(s3('u', bucketId), prefix),
  part: (uploadId: string, partNumber: number): Key => s3('p', uploadId, partNumber),
  allParts: (): Key => s3('p'),
  parts: (uploadId: string): Key => s3('p', uploadId),
  finishedUpload: (uploadId: string): Key => s3('f', uploadId),
  finishedUploads: (): Key => s3('f'),
  uploadOver: (uploadId: string): Key => s3('q', uploadId),
  uploadsOver: (): Key => s3('q'),

  document: (bucketId: string, kind: string, part: number): Key => s3('d', bucketId, kind, part),
  documentParts: (bucketId: string, kind: string): Key => s3('d', bucketId, kind),
  documents: (bucketId: string): Key => s3('d', bucketId),

  accessKey: (accessKeyId: string): Key => s3('k', accessKeyId),
  accessKeys: (): Key => s3('k'),
  accessKeyOf: (user: string, accessKeyId: string): Key => s3('K', user, accessKeyId),
  accessKeysOf: (user: string): Key => s3('K', user),

  sessionsOfUser: (user: string): Key => s3('r', 'user', user),
  sessionsOfKey: (accessKeyId: string): Key => s3('r', 'key', accessKeyId),

  userOfId: (canonicalId: string): Key => s3('i', canonicalId),

  wholeDue: (dueAtMs: number, bucketId: string, key: string, order: string): Key =>
    s3('w', dueAtMs, bucketId, key, order),
  wholesDue: (): Key => s3('w'),
  wholesDueBefore: (dueAtMs: number): Key => s3('w', dueAtMs),
};
