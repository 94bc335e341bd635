import type { StoreError } from '@zot-artifact-store/spec';
import type { Protocol, Reply, RequestContext, RequestHead } from '../../http/protocol.ts';
import {
  type Address,
  bucketOfHost,
  hostName,
  isPathStyle,
  pathStyleAddress,
  virtualHostAddress,
} from './addressing.ts';
import { headerOf } from './auth/header-of.ts';
import { classifyS3 } from './classify.ts';
import type { S3Deps } from './deps.ts';
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
  const { domains } = deps.options;
  const bucketOf = (head: RequestHead): string | undefined => bucketOfHost(hostName(head), domains);
  const common = {
    run: (operation: S3Operation, context: RequestContext) => runOperation(operation, context, deps),
    renderError: (error: StoreError, head: RequestHead) => renderError(error, head, deps),
  };
  return [
    {
      ...common,
      name: 's3-virtual-host',
      claims: (head) => domains.length > 0 && bucketOf(head) !== undefined,
      classify: (head) => classifyS3(head, virtualHostAddress(bucketOf(head) ?? '', head.path)),
    },
    {
      ...common,
      name: 's3',
      fallback: true,
      claims: (head) => isPathStyle(head.path),
      classify: (head) => classifyS3(head, addressOf(head)),
    },
  ];
}

function addressOf(head: RequestHead): Address {
  return pathStyleAddress(head.path);
}

async function runOperation(operation: S3Operation, context: RequestContext, deps: S3Deps): Promise<Reply> {
  const expectedOwner = headerOf(context.head, 'x-amz-expected-bucket-owner');
  if (expectedOwner !== undefined && isBucketOperation(operation)) {
    await assertBucketOwner(operation.bucket, expectedOwner, deps);
  }
  const reply = await dispatch(operation, context, deps);
  return { ...reply, headers: { ...reply.headers, ...s3Ids(context.head) } };
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
