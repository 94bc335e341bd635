import type { Reply, RequestContext } from '../../http/protocol.ts';
import { preflight, servicePreflight } from './cors-reply.ts';
import type { S3Deps } from './deps.ts';
import type { BucketOperation, ObjectOperation, ServiceOperation } from './operation.ts';
import { abortMultipartUpload } from './operations/abort-multipart-upload.ts';
import { getBucketAcl, getObjectAcl, putBucketAcl, putObjectAcl } from './operations/acl.ts';
import { deleteBucketCors, getBucketCors, putBucketCors } from './operations/bucket-cors.ts';
import {
  deleteBucketEncryption,
  getBucketEncryption,
  putBucketEncryption,
} from './operations/bucket-encryption.ts';
import {
  deleteBucketLifecycle,
  getBucketLifecycle,
  putBucketLifecycle,
} from './operations/bucket-lifecycle.ts';
import {
  deleteBucketPolicy,
  getBucketPolicy,
  getBucketPolicyStatus,
  putBucketPolicy,
} from './operations/bucket-policy.ts';
import { deleteBucketTagging, getBucketTagging, putBucketTagging } from './operations/bucket-tagging.ts';
import { completeMultipartUpload } from './operations/complete-multipart-upload.ts';
import { copyObject } from './operations/copy-object.ts';
import { createBucket } from './operations/create-bucket.ts';
import { createMultipartUpload } from './operations/create-multipart-upload.ts';
import { deleteBucket } from './operations/delete-bucket.ts';
import { deleteObject } from './operations/delete-object.ts';
import { deleteObjects } from './operations/delete-objects.ts';
import {
  getBucketAccelerate,
  getBucketLogging,
  getBucketNotification,
  getBucketReplication,
  getBucketRequestPayment,
  getBucketWebsite,
} from './operations/fixed-answers.ts';
import { getBucketLocation } from './operations/get-bucket-location.ts';
import { getBucketVersioning } from './operations/get-bucket-versioning.ts';
import { getObject } from './operations/get-object.ts';
import { getObjectAttributes } from './operations/get-object-attributes.ts';
import { headBucket } from './operations/head-bucket.ts';
import { listBuckets } from './operations/list-buckets.ts';
import { listMultipartUploads } from './operations/list-multipart-uploads.ts';
import { listObjectVersions } from './operations/list-object-versions.ts';
import { listObjects } from './operations/list-objects.ts';
import { listObjectsV2 } from './operations/list-objects-v2.ts';
import { listParts } from './operations/list-parts.ts';
import {
  getObjectLockConfiguration,
  putObjectLockConfiguration,
} from './operations/object-lock-configuration.ts';
import {
  getObjectLegalHold,
  getObjectRetention,
  putObjectLegalHold,
  putObjectRetention,
} from './operations/object-retention.ts';
import { deleteObjectTagging, getObjectTagging, putObjectTagging } from './operations/object-tagging.ts';
import {
  deleteOwnershipControls,
  getOwnershipControls,
  putOwnershipControls,
} from './operations/ownership-controls.ts';
import { postObject } from './operations/post-object.ts';
import {
  deletePublicAccessBlock,
  getPublicAccessBlock,
  putPublicAccessBlock,
} from './operations/public-access-block.ts';
import { putBucketVersioning } from './operations/put-bucket-versioning.ts';
import { putObject } from './operations/put-object.ts';
import { uploadPart } from './operations/upload-part.ts';
import { uploadPartCopy } from './operations/upload-part-copy.ts';

export type Handler<Op> = (operation: Op, context: RequestContext, deps: S3Deps) => Promise<Reply>;
type Handlers<Op extends { readonly name: string }> = { readonly [Name in Op['name']]?: Handler<Op> };

/** What runs each operation; one that is not here answers NotImplemented. */
export const serviceHandlers: Handlers<ServiceOperation> = {
  's3.ListBuckets': listBuckets,
  's3.PreflightService': servicePreflight,
};

export const bucketHandlers: Handlers<BucketOperation> = {
  's3.PreflightBucket': preflight,
  's3.CreateBucket': createBucket,
  's3.HeadBucket': headBucket,
  's3.DeleteBucket': deleteBucket,
  's3.GetBucketLocation': getBucketLocation,
  's3.GetBucketVersioning': getBucketVersioning,
  's3.PutBucketVersioning': putBucketVersioning,
  's3.DeleteObjects': deleteObjects,
  's3.PostObject': postObject,
  's3.ListObjects': listObjects,
  's3.ListObjectsV2': listObjectsV2,
  's3.ListObjectVersions': listObjectVersions,
  's3.GetBucketPolicy': getBucketPolicy,
  's3.PutBucketPolicy': putBucketPolicy,
  's3.DeleteBucketPolicy': deleteBucketPolicy,
  's3.GetBucketPolicyStatus': getBucketPolicyStatus,
  's3.GetBucketAcl': getBucketAcl,
  's3.PutBucketAcl': putBucketAcl,
  's3.GetBucketTagging': getBucketTagging,
  's3.PutBucketTagging': putBucketTagging,
  's3.DeleteBucketTagging': deleteBucketTagging,
  's3.GetPublicAccessBlock': getPublicAccessBlock,
  's3.PutPublicAccessBlock': putPublicAccessBlock,
  's3.DeletePublicAccessBlock': deletePublicAccessBlock,
  's3.GetBucketOwnershipControls': getOwnershipControls,
  's3.PutBucketOwnershipControls': putOwnershipControls,
  's3.DeleteBucketOwnershipControls': deleteOwnershipControls,
  's3.GetBucketCors': getBucketCors,
  's3.PutBucketCors': putBucketCors,
  's3.DeleteBucketCors': deleteBucketCors,
  's3.GetBucketLifecycleConfiguration': getBucketLifecycle,
  's3.PutBucketLifecycleConfiguration': putBucketLifecycle,
  's3.DeleteBucketLifecycle': deleteBucketLifecycle,
  's3.GetObjectLockConfiguration': getObjectLockConfiguration,
  's3.PutObjectLockConfiguration': putObjectLockConfiguration,
  's3.GetBucketEncryption': getBucketEncryption,
  's3.PutBucketEncryption': putBucketEncryption,
  's3.DeleteBucketEncryption': deleteBucketEncryption,
  's3.GetBucketNotificationConfiguration': getBucketNotification,
  's3.GetBucketReplication': getBucketReplication,
  's3.GetBucketLogging': getBucketLogging,
  's3.GetBucketWebsite': getBucketWebsite,
  's3.GetBucketRequestPayment': getBucketRequestPayment,
  's3.GetBucketAccelerateConfiguration': getBucketAccelerate,
  's3.ListMultipartUploads': listMultipartUploads,
};

export const objectHandlers: Handlers<ObjectOperation> = {
  's3.GetObjectAcl': getObjectAcl,
  's3.PutObjectAcl': putObjectAcl,
  's3.GetObjectTagging': getObjectTagging,
  's3.PutObjectTagging': putObjectTagging,
  's3.DeleteObjectTagging': deleteObjectTagging,
  's3.GetObjectRetention': getObjectRetention,
  's3.PutObjectRetention': putObjectRetention,
  's3.GetObjectLegalHold': getObjectLegalHold,
  's3.PutObjectLegalHold': putObjectLegalHold,
  's3.CreateMultipartUpload': createMultipartUpload,
  's3.UploadPart': uploadPart,
  's3.UploadPartCopy': uploadPartCopy,
  's3.CompleteMultipartUpload': completeMultipartUpload,
  's3.AbortMultipartUpload': abortMultipartUpload,
  's3.ListParts': listParts,
  's3.PreflightObject': preflight,
  's3.GetObject': getObject,
  's3.HeadObject': getObject,
  's3.PutObject': putObject,
  's3.CopyObject': copyObject,
  's3.DeleteObject': deleteObject,
  's3.GetObjectAttributes': getObjectAttributes,
};
