import type { Reply, RequestContext } from '../../http/protocol.ts';
import type { S3Deps } from './deps.ts';
import type { BucketOperation, ObjectOperation, ServiceOperation } from './operation.ts';
import { abortMultipartUpload } from './operations/abort-multipart-upload.ts';
import {
  deleteBucketPolicy,
  getBucketPolicy,
  getBucketPolicyStatus,
  putBucketPolicy,
} from './operations/bucket-policy.ts';
import { createBucket } from './operations/create-bucket.ts';
import { deleteBucket } from './operations/delete-bucket.ts';
import { deleteObject } from './operations/delete-object.ts';
import { deleteObjects } from './operations/delete-objects.ts';
import { getObject } from './operations/get-object.ts';
import { getObjectAttributes } from './operations/get-object-attributes.ts';
import { headBucket } from './operations/head-bucket.ts';
import { listBuckets } from './operations/list-buckets.ts';
import { listMultipartUploads } from './operations/list-multipart-uploads.ts';
import { listObjectVersions } from './operations/list-object-versions.ts';
import { listObjects } from './operations/list-objects.ts';
import { listObjectsV2 } from './operations/list-objects-v2.ts';
import { listParts } from './operations/list-parts.ts';
import { putObject } from './operations/put-object.ts';

export type Handler<Op> = (operation: Op, context: RequestContext, deps: S3Deps) => Promise<Reply>;
type Handlers<Op extends { readonly name: string }> = { readonly [Name in Op['name']]?: Handler<Op> };

/** What runs each operation; one that is not here answers NotImplemented. */
export const serviceHandlers: Handlers<ServiceOperation> = {
  's3.ListBuckets': listBuckets,
};

export const bucketHandlers: Handlers<BucketOperation> = {
  's3.CreateBucket': createBucket,
  's3.HeadBucket': headBucket,
  's3.DeleteBucket': deleteBucket,
  's3.DeleteObjects': deleteObjects,
  's3.ListObjects': listObjects,
  's3.ListObjectsV2': listObjectsV2,
  's3.ListObjectVersions': listObjectVersions,
  's3.GetBucketPolicy': getBucketPolicy,
  's3.PutBucketPolicy': putBucketPolicy,
  's3.DeleteBucketPolicy': deleteBucketPolicy,
  's3.GetBucketPolicyStatus': getBucketPolicyStatus,
  's3.ListMultipartUploads': listMultipartUploads,
};

export const objectHandlers: Handlers<ObjectOperation> = {
  's3.AbortMultipartUpload': abortMultipartUpload,
  's3.ListParts': listParts,
  's3.GetObject': getObject,
  's3.HeadObject': getObject,
  's3.PutObject': putObject,
  's3.DeleteObject': deleteObject,
  's3.GetObjectAttributes': getObjectAttributes,
};
