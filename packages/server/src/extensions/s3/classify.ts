import type { Permission } from '../../extension/access.ts';
import type { RequestHead } from '../../http/protocol.ts';
import { actionOf, resourceOf } from './actions.ts';
import type { Address } from './addressing.ts';
import { parseBucketName } from './bucket-name.ts';
import { S3Error } from './errors.ts';
import { parseObjectKey } from './object-key.ts';
import type {
  BucketOperationName,
  ObjectOperationName,
  S3Operation,
  ServiceOperationName,
} from './operation.ts';
import { parseQuery, type S3Query } from './query.ts';

/** By method: what the presence of a query key asks for, the first that is present; `''` is the plain resource. */
type Table<Name extends string> = Readonly<Record<string, readonly (readonly [key: string, name: Name])[]>>;

const BUCKET: Table<BucketOperationName> = {
  GET: [
    ['location', 'GetBucketLocation'],
    ['versions', 'ListObjectVersions'],
    ['uploads', 'ListMultipartUploads'],
    ['versioning', 'GetBucketVersioning'],
    ['tagging', 'GetBucketTagging'],
    ['policy', 'GetBucketPolicy'],
    ['policyStatus', 'GetBucketPolicyStatus'],
    ['publicAccessBlock', 'GetPublicAccessBlock'],
    ['acl', 'GetBucketAcl'],
    ['ownershipControls', 'GetBucketOwnershipControls'],
    ['cors', 'GetBucketCors'],
    ['lifecycle', 'GetBucketLifecycleConfiguration'],
    ['object-lock', 'GetObjectLockConfiguration'],
    ['encryption', 'GetBucketEncryption'],
    ['notification', 'GetBucketNotificationConfiguration'],
    ['replication', 'GetBucketReplication'],
    ['logging', 'GetBucketLogging'],
    ['website', 'GetBucketWebsite'],
    ['requestPayment', 'GetBucketRequestPayment'],
    ['accelerate', 'GetBucketAccelerateConfiguration'],
    ['list-type', 'ListObjectsV2'],
    ['', 'ListObjects'],
  ],
  HEAD: [['', 'HeadBucket']],
  PUT: [
    ['versioning', 'PutBucketVersioning'],
    ['tagging', 'PutBucketTagging'],
    ['policy', 'PutBucketPolicy'],
    ['publicAccessBlock', 'PutPublicAccessBlock'],
    ['acl', 'PutBucketAcl'],
    ['ownershipControls', 'PutBucketOwnershipControls'],
    ['cors', 'PutBucketCors'],
    ['lifecycle', 'PutBucketLifecycleConfiguration'],
    ['object-lock', 'PutObjectLockConfiguration'],
    ['encryption', 'PutBucketEncryption'],
    ['', 'CreateBucket'],
  ],
  DELETE: [
    ['tagging', 'DeleteBucketTagging'],
    ['policy', 'DeleteBucketPolicy'],
    ['publicAccessBlock', 'DeletePublicAccessBlock'],
    ['ownershipControls', 'DeleteBucketOwnershipControls'],
    ['cors', 'DeleteBucketCors'],
    ['lifecycle', 'DeleteBucketLifecycle'],
    ['encryption', 'DeleteBucketEncryption'],
    ['', 'DeleteBucket'],
  ],
  POST: [
    ['delete', 'DeleteObjects'],
    ['', 'PostObject'],
  ],
  OPTIONS: [['', 'PreflightBucket']],
};

const OBJECT: Table<ObjectOperationName> = {
  GET: [
    ['attributes', 'GetObjectAttributes'],
    ['tagging', 'GetObjectTagging'],
    ['acl', 'GetObjectAcl'],
    ['retention', 'GetObjectRetention'],
    ['legal-hold', 'GetObjectLegalHold'],
    ['uploadId', 'ListParts'],
    ['', 'GetObject'],
  ],
  HEAD: [['', 'HeadObject']],
  PUT: [
    ['tagging', 'PutObjectTagging'],
    ['acl', 'PutObjectAcl'],
    ['retention', 'PutObjectRetention'],
    ['legal-hold', 'PutObjectLegalHold'],
    ['uploadId', 'UploadPart'],
    ['', 'PutObject'],
  ],
  DELETE: [
    ['tagging', 'DeleteObjectTagging'],
    ['uploadId', 'AbortMultipartUpload'],
    ['', 'DeleteObject'],
  ],
  POST: [
    ['uploads', 'CreateMultipartUpload'],
    ['uploadId', 'CompleteMultipartUpload'],
  ],
  OPTIONS: [['', 'PreflightObject']],
};

/**
 * Query keys that name a sub-resource. One that the method's table does not have is refused and never falls through
 * to the plain resource: `PUT /bucket/key?torrent` must not store an object.
 */
const SUB_RESOURCES: ReadonlySet<string> = new Set([
  ...Object.values(BUCKET).flatMap((entries) => entries.map(([key]) => key)),
  ...Object.values(OBJECT).flatMap((entries) => entries.map(([key]) => key)),
  'abac',
  'analytics',
  'append',
  'encryption',
  'intelligent-tiering',
  'inventory',
  'metadataConfiguration',
  'metadataInventoryTable',
  'metadataJournalTable',
  'metadataTable',
  'metrics',
  'renameObject',
  'restore',
  'select',
  'select-type',
  'session',
  'torrent',
]);
// What selects nothing by itself.
const NOT_SUB_RESOURCES: ReadonlySet<string> = new Set(['', 'list-type']);

/** What a request asks for. Pure, and linear in the length of its head. */
export function classifyS3(head: RequestHead, address: Address): S3Operation {
  const query = parseQuery(head.query);
  if (address.bucket === undefined) return classifyService(head, query);
  // CreateBucket judges a new name strictly; so does everything else, for no other name can exist.
  const bucket = parseBucketName(address.bucket);
  if (address.encodedKey === undefined) {
    const name = choose(BUCKET, head, query);
    return { name: `s3.${name}`, query, bucket, permissions: permissions(name, bucket, undefined, query) };
  }
  const key = parseObjectKey(address.encodedKey);
  const name = copyOrPut(choose(OBJECT, head, query), head);
  return { name: `s3.${name}`, query, bucket, key, permissions: permissions(name, bucket, key, query) };
}

function classifyService(head: RequestHead, query: S3Query): S3Operation {
  const name: ServiceOperationName | undefined =
    head.method === 'GET' ? 'ListBuckets' : head.method === 'OPTIONS' ? 'PreflightService' : undefined;
  if (name === undefined) throw notAllowed(head, 'SERVICE', 'GET');
  const action = actionOf(name, { hasVersion: false });
  return {
    name: `s3.${name}`,
    query,
    permissions: action === undefined ? [] : [{ action, resource: 'bucket:*' }],
  };
}

function choose<Name extends string>(table: Table<Name>, head: RequestHead, query: S3Query): Name {
  const entries = table[head.method];
  const isBucket = (table as unknown) === BUCKET;
  if (entries === undefined) {
    throw notAllowed(head, isBucket ? 'BUCKET' : 'OBJECT', Object.keys(table).join(', '));
  }
  for (const key of query.keys()) {
    if (NOT_SUB_RESOURCES.has(key) || !SUB_RESOURCES.has(key)) continue;
    if (entries.some(([known]) => known === key)) continue;
    refuseSubResource(head, key, isBucket);
  }
  const found = entries.find(([key]) => key === '' || query.has(key));
  if (found === undefined) throw notAllowed(head, 'OBJECT', 'GET, HEAD, PUT, DELETE');
  return found[1];
}

function refuseSubResource(head: RequestHead, key: string, isBucket: boolean): void {
  // `GET /bucket/key?uploads` and `?versions` ask an object for what only a bucket has.
  if (!isBucket && (key === 'uploads' || key === 'versions')) {
    throw new S3Error('InvalidRequest', `There is no such thing as the ?${key} sub-resource for a key`, {
      fields: { ResourceType: key.toUpperCase() },
    });
  }
  // Version and part selectors come with many operations; where they mean nothing they are ignored.
  if (key === 'uploadId') return;
  throw new S3Error(
    'NotImplemented',
    `A header or query you provided implies functionality that is not implemented: ${head.method} with ?${key}.`,
    { fields: { Resource: key } },
  );
}

/** A copy is a PUT that names its source. */
function copyOrPut(name: ObjectOperationName, head: RequestHead): ObjectOperationName {
  if (head.headers['x-amz-copy-source'] === undefined) return name;
  if (name === 'PutObject') return 'CopyObject';
  return name === 'UploadPart' ? 'UploadPartCopy' : name;
}

function permissions(
  name: BucketOperationName | ObjectOperationName,
  bucket: string,
  key: string | undefined,
  query: S3Query,
): Permission[] {
  const versionId = query.get('versionId');
  const action = actionOf(name, { hasVersion: versionId !== undefined && key !== undefined });
  if (action === undefined) return [];
  const attributes: Record<string, string> = {};
  for (const name of ['prefix', 'delimiter', 'max-keys'] as const) {
    const value = query.get(name);
    if (value !== undefined && key === undefined) attributes[`s3:${name}`] = value;
  }
  if (versionId !== undefined) attributes['s3:VersionId'] = versionId;
  return [{ action, resource: resourceOf(bucket, key), attributes }];
}

function notAllowed(head: RequestHead, resourceType: string, allow: string): S3Error {
  return new S3Error('MethodNotAllowed', 'The specified method is not allowed against this resource.', {
    fields: { Method: head.method, ResourceType: resourceType },
    headers: { allow },
  });
}
