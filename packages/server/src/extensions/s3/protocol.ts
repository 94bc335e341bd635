import type { StoreError } from '@zot-artifact-store/spec';
import type { Protocol, Reply, RequestContext, RequestHead } from '../../http/protocol.ts';
import {
  type Address,
  bucketsInHost,
  isPathStyle,
  pathStyleAddress,
  virtualHostAddress,
} from './addressing.ts';
import { headerOf } from './auth/header-of.ts';
import { withHoistedContext, withHoistedHeaders } from './auth/hoisted-headers.ts';
import { type BucketName, isBucketName } from './bucket-name.ts';
import { classifyS3 } from './classify.ts';
import { corsOf } from './cors-reply.ts';
import type { S3Deps } from './deps.ts';
import { assertKeysArePrivate } from './encryption/customer-key-transport.ts';
import { S3Error } from './errors.ts';
import { bucketHandlers, objectHandlers, serviceHandlers } from './handlers.ts';
import { assertBucketOwner } from './object/expected-owner.ts';
import type { BucketOperation, ObjectOperation, S3Operation } from './operation.ts';
import { renderS3Error, s3Ids } from './render-error.ts';

/**
 * S3 as two protocols that differ in where the bucket stands: in the `Host` of our domains, which is asked before
 * everything else (a key may begin with `v2/`), and in the path, which takes what nobody else claims.
 */
export function createS3Protocols(deps: S3Deps): readonly Protocol<S3Operation>[] {
  const bucketOf = bucketsInHost(deps.options);
  const common = {
    run: (operation: S3Operation, context: RequestContext) =>
      runOperation(operation, withHoistedContext(context), deps),
  };
  const renderErrorOf =
    (addressOf: (head: RequestHead) => Address) => (error: StoreError, head: RequestHead) => {
      const reply = renderError(error, head, deps);
      return head.headers.origin === undefined ? reply : forPage(reply, head, { addressOf, deps });
    };
  const ofHost = (head: RequestHead) => virtualHostAddress(bucketOf(head) ?? '', head.path);
  const ofPath = (head: RequestHead) => pathStyleAddress(head.path);
  return [
    {
      ...common,
      name: 's3-virtual-host',
      claims: (head) => bucketOf(head) !== undefined,
      classify: (head) => classifyS3(withHoistedHeaders(head), ofHost(head)),
      renderError: renderErrorOf(ofHost),
    },
    {
      ...common,
      name: 's3',
      fallback: true,
      claims: (head) => isPathStyle(head.path),
      classify: (head) => classifyS3(withHoistedHeaders(head), ofPath(head)),
      renderError: renderErrorOf(ofPath),
    },
  ];
}

/** A page may read an error, too, where the bucket's rules allow its origin. */
async function forPage(
  reply: Reply,
  head: RequestHead,
  { addressOf, deps }: { readonly addressOf: (head: RequestHead) => Address; readonly deps: S3Deps },
): Promise<Reply> {
  const bucket = bucketOfAddress(() => addressOf(head));
  if (bucket === undefined) return reply;
  return { ...reply, headers: { ...reply.headers, ...(await corsOf(bucket, head, deps)) } };
}

/** Undefined also for a path that cannot be read, which may be the very error. */
function bucketOfAddress(address: () => Address): BucketName | undefined {
  try {
    const { bucket = '' } = address();
    return isBucketName(bucket) ? bucket : undefined;
  } catch {
    return undefined;
  }
}

async function runOperation(operation: S3Operation, context: RequestContext, deps: S3Deps): Promise<Reply> {
  const expectedOwner = headerOf(context.head, 'x-amz-expected-bucket-owner');
  if (expectedOwner !== undefined && isBucketOperation(operation)) {
    await assertBucketOwner(operation.bucket, expectedOwner, deps);
  }
  assertKeysArePrivate(context.head, deps.options);
  const reply = await dispatch(operation, context, deps);
  const cors =
    isBucketOperation(operation) && !operation.name.startsWith('s3.Preflight')
      ? await corsOf(operation.bucket, context.head, deps)
      : {};
  return { ...reply, headers: { ...reply.headers, ...cors, ...s3Ids(context.head) } };
}

function dispatch(operation: S3Operation, context: RequestContext, deps: S3Deps): Promise<Reply> {
  if (isObjectOperation(operation)) {
    const run = objectHandlers[operation.name];
    if (run !== undefined) return run(operation, context, deps);
  } else if ('bucket' in operation) {
    const run = bucketHandlers[operation.name];
    if (run !== undefined) return run(operation, context, deps);
  } else {
    const run = serviceHandlers[operation.name];
    if (run !== undefined) return run(operation, context, deps);
  }
  throw new S3Error('NotImplemented', `${operation.name.slice(3)} is not implemented by this server.`);
}

/** Clients learn a bucket's region from HEAD, also where they may not look into it. */
function renderError(error: StoreError, head: RequestHead, { options }: S3Deps): Reply {
  const reply = renderS3Error(error, head);
  if (head.method !== 'HEAD' || reply.status !== 403) return reply;
  return { ...reply, headers: { ...reply.headers, 'x-amz-bucket-region': options.region } };
}

function isObjectOperation(operation: S3Operation): operation is ObjectOperation {
  return 'key' in operation;
}

function isBucketOperation(operation: S3Operation): operation is BucketOperation | ObjectOperation {
  return 'bucket' in operation;
}
