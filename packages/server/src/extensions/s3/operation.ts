import type { Operation } from '../../http/protocol.ts';
import type { BucketName } from './bucket-name.ts';
import type { S3Query } from './query.ts';

/** Operations on no bucket. */
export type ServiceOperationName = 'ListBuckets' | 'PreflightService';

export type BucketOperationName =
  | 'CreateBucket'
  | 'HeadBucket'
  | 'DeleteBucket'
  | 'GetBucketLocation'
  | 'ListObjects'
  | 'ListObjectsV2'
  | 'ListObjectVersions'
  | 'ListMultipartUploads'
  | 'DeleteObjects'
  | 'PostObject'
  | 'PreflightBucket'
  | 'GetBucketVersioning'
  | 'PutBucketVersioning'
  | 'GetBucketTagging'
  | 'PutBucketTagging'
  | 'DeleteBucketTagging'
  | 'GetBucketPolicy'
  | 'PutBucketPolicy'
  | 'DeleteBucketPolicy'
  | 'GetBucketPolicyStatus'
  | 'GetPublicAccessBlock'
  | 'PutPublicAccessBlock'
  | 'DeletePublicAccessBlock'
  | 'GetBucketAcl'
  | 'PutBucketAcl'
  | 'GetBucketOwnershipControls'
  | 'PutBucketOwnershipControls'
  | 'DeleteBucketOwnershipControls'
  | 'GetBucketCors'
  | 'PutBucketCors'
  | 'DeleteBucketCors'
  | 'GetBucketLifecycleConfiguration'
  | 'PutBucketLifecycleConfiguration'
  | 'DeleteBucketLifecycle'
  | 'GetObjectLockConfiguration'
  | 'PutObjectLockConfiguration'
  | 'GetBucketEncryption'
  | 'PutBucketEncryption'
  | 'DeleteBucketEncryption'
  | 'GetBucketNotificationConfiguration'
  | 'GetBucketReplication'
  | 'GetBucketLogging'
  | 'GetBucketWebsite'
  | 'GetBucketRequestPayment'
  | 'GetBucketAccelerateConfiguration';

export type ObjectOperationName =
  | 'GetObject'
  | 'HeadObject'
  | 'PutObject'
  | 'CopyObject'
  | 'DeleteObject'
  | 'PreflightObject'
  | 'GetObjectAttributes'
  | 'GetObjectTagging'
  | 'PutObjectTagging'
  | 'DeleteObjectTagging'
  | 'GetObjectAcl'
  | 'PutObjectAcl'
  | 'GetObjectRetention'
  | 'PutObjectRetention'
  | 'GetObjectLegalHold'
  | 'PutObjectLegalHold'
  | 'CreateMultipartUpload'
  | 'UploadPart'
  | 'UploadPartCopy'
  | 'CompleteMultipartUpload'
  | 'AbortMultipartUpload'
  | 'ListParts';

interface Named<Name extends string> extends Operation {
  readonly name: `s3.${Name}`;
  readonly query: S3Query;
}

export type ServiceOperation = Named<ServiceOperationName>;
export type BucketOperation = Named<BucketOperationName> & { readonly bucket: BucketName };
export type ObjectOperation = Named<ObjectOperationName> & {
  readonly bucket: BucketName;
  readonly key: string;
};

/** Everything an S3 client can ask for that is built; anything else classifies as NotImplemented. */
export type S3Operation = ServiceOperation | BucketOperation | ObjectOperation;
