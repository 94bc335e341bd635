import type { Permission, Principal } from '../../../extension/access.ts';
import type { Authorization, Authorizer } from '../../../extension/contract.ts';
import { isBucketName } from '../bucket-name.ts';
import type { Buckets } from '../store/buckets.ts';

const ABSTAIN: Authorization = { effect: 'abstain' };

/** What the owner of a bucket may do with it: everything. Root is allowed by the server's own authorizer. */
export class S3Authorizer implements Authorizer {
  readonly #buckets: Buckets;

  constructor(buckets: Buckets) {
    this.#buckets = buckets;
  }

  async authorize(principal: Principal, permission: Permission): Promise<Authorization> {
    if (!permission.action.startsWith('s3:')) return ABSTAIN;
    if (principal.kind === 'anonymous') return ABSTAIN;
    if (permission.action === 's3:CreateBucket' || permission.action === 's3:ListAllMyBuckets') {
      return { effect: 'allow', reason: 'every user may have buckets' };
    }
    const bucket = bucketOf(permission);
    const found = isBucketName(bucket) ? await this.#buckets.find(bucket) : undefined;
    // Who is known is told that there is no such bucket, by the operation.
    if (found === undefined) return { effect: 'allow', reason: 'no such bucket' };
    return found.record.owner === principal.name
      ? { effect: 'allow', reason: 'owner of the bucket' }
      : ABSTAIN;
  }
}

/** The bucket in `bucket:<name>` or `bucket:<name>/<key>`. */
function bucketOf({ resource }: Permission): string {
  const path = resource.slice('bucket:'.length);
  const slash = path.indexOf('/');
  return slash < 0 ? path : path.slice(0, slash);
}
