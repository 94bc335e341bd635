import type { Permission, Principal } from '../../../extension/access.ts';
import type { Authorization, Authorizer } from '../../../extension/contract.ts';
import type { RequestHead } from '../../../http/protocol.ts';
import { evaluatePolicy, type PolicyDecision } from '../../../policy/evaluate.ts';
import type { Policy } from '../../../policy/policy.ts';
import { principalNames, requestValues } from '../../../policy/request-values.ts';
import { type BucketName, isBucketName } from '../bucket-name.ts';
import type { Buckets, StoredBucket } from '../store/buckets.ts';
import type { Documents } from '../store/documents.ts';
import type { ObjectVersion, VersionExtra } from '../store/records.ts';
import type { Versions } from '../store/versions.ts';
import { aclAllows, aclNeeded, hasAcls } from './acl.ts';
import { isPublicStatement, parseBucketPolicy } from './bucket-policy.ts';
import { ownName } from './own-name.ts';
import { tellFacts, withExistingTags } from './request-values.ts';
import { isWithoutPublic } from './without-public.ts';

export interface S3AuthorizerDeps {
  readonly buckets: Buckets;
  readonly documents: Documents;
  readonly versions: Versions;
  readonly clock: { now(): number };
  /** The peer's address, or the one a trusted proxy speaks for. */
  clientAddress(head: RequestHead): string;
}

const ABSTAIN: Authorization = { effect: 'abstain' };
/** Nobody may shut the owner out from where the policy itself is changed. */
const POLICY_ACTIONS: ReadonlySet<string> = new Set([
  's3:GetBucketPolicy',
  's3:PutBucketPolicy',
  's3:DeleteBucketPolicy',
]);
/** There is no bucket yet that could say who may. */
const WITHOUT_BUCKET: ReadonlySet<string> = new Set(['s3:CreateBucket', 's3:ListAllMyBuckets']);
const EXISTING_TAG = 's3:existingobjecttag/';

/**
 * What bucket policies, ownership and ACLs say. A Deny of the bucket's policy wins; then an Allow of it, the bucket's
 * owner, or an ACL where the bucket has them. A policy that cannot be read denies everything but its repair.
 */
export class S3Authorizer implements Authorizer {
  readonly #deps: S3AuthorizerDeps;

  constructor(deps: S3AuthorizerDeps) {
    this.#deps = deps;
  }

  async authorize(principal: Principal, permission: Permission, head: RequestHead): Promise<Authorization> {
    const { action } = permission;
    if (!action.startsWith('s3:')) return ABSTAIN;
    const nowMs = this.#deps.clock.now();
    tellFacts(head, { nowMs, clientAddress: this.#deps.clientAddress(head) });
    if (WITHOUT_BUCKET.has(action)) return ABSTAIN;
    const { bucket: name, key } = parseResource(permission.resource);
    const bucket = isBucketName(name) ? await this.#deps.buckets.find(name) : undefined;
    // The operation says that there is no such bucket; at Amazon, too, that is no secret.
    if (bucket === undefined) return allow('no such bucket');
    const isOwner = ownName(principal) === bucket.record.owner;
    if (isOwner && POLICY_ACTIONS.has(action)) return allow('owner of the bucket');
    const decision = await this.#askPolicy({ principal, permission, head }, bucket, key);
    if (decision.effect === 'deny' && !(isRoot(principal) && POLICY_ACTIONS.has(action))) {
      return { effect: 'deny', ...byPolicy(bucket, decision) };
    }
    const isBarred =
      isWithoutPublic(permission) && decision.effect === 'allow' && isPublicStatement(decision.statement);
    if (decision.effect === 'allow' && !isBarred && !isRestricted(bucket, decision, principal)) {
      return { effect: 'allow', ...byPolicy(bucket, decision) };
    }
    return this.#askOwnership({ principal, permission, head }, bucket, key);
  }

  async #askPolicy(
    { principal, permission, head }: Asked,
    bucket: StoredBucket,
    key: string | undefined,
  ): Promise<PolicyDecision> {
    const policy = await this.#deps.documents.parsed(bucket, 'policy', (text) =>
      parseBucketPolicy(text, bucket.name),
    );
    if (policy === undefined) return { effect: 'none' };
    const existingTags =
      key !== undefined && asksForTags(policy)
        ? (await this.#object(bucket, key, permission))?.extra.tags
        : undefined;
    return evaluatePolicy(policy, {
      principal: { names: principalNames(principal) },
      action: permission.action,
      resource: `arn:aws:s3:::${bucket.name}${key === undefined ? '' : `/${key}`}`,
      values: withExistingTags(
        requestValues({
          principal,
          permission,
          head,
          nowMs: this.#deps.clock.now(),
          clientAddress: this.#deps.clientAddress(head),
        }),
        existingTags,
      ),
    });
  }

  async #askOwnership(asked: Asked, bucket: StoredBucket, key: string | undefined): Promise<Authorization> {
    const { principal, permission } = asked;
    const { owner, ownership, acl, publicAccessBlock } = bucket.record;
    const isOwner = ownName(principal) === owner;
    const needed = aclNeeded(permission.action);
    if (!hasAcls(ownership)) {
      if (isOwner) return allow('owner of the bucket');
      const isRead = needed?.of === 'object' && needed.permission === 'READ' && key !== undefined;
      const isMissing = isRead && (await this.#object(bucket, key, permission)) === undefined;
      return isMissing && (await this.#mayListByPolicy(asked, bucket, key))
        ? allow('may list the bucket')
        : ABSTAIN;
    }
    const ignoresPublic = publicAccessBlock?.ignorePublicAcls === true || isWithoutPublic(permission);
    const options = { principal, ignoresPublic };
    if (needed?.of === 'object' && key !== undefined) {
      const object = await this.#object(bucket, key, permission);
      if (object !== undefined) {
        const subject = { owner: object.record.owner, acl: object.extra.acl };
        return aclAllows(subject, needed.permission, options) ? allow('ACL of the object') : ABSTAIN;
      }
      // What is not there is a secret of those who may list.
      const mayList =
        isOwner ||
        aclAllows({ owner, acl }, 'READ', options) ||
        (await this.#mayListByPolicy(asked, bucket, key));
      return mayList ? allow('may list the bucket') : ABSTAIN;
    }
    if (isOwner) return allow('owner of the bucket');
    if (needed?.of === 'bucket' && aclAllows({ owner, acl }, needed.permission, options)) {
      return allow('ACL of the bucket');
    }
    return ABSTAIN;
  }

  /** Whether the policy lets it list the bucket with the key as prefix. */
  async #mayListByPolicy({ principal, head }: Asked, bucket: StoredBucket, key: string): Promise<boolean> {
    const permission: Permission = {
      action: 's3:ListBucket',
      resource: `bucket:${bucket.name}`,
      attributes: { 's3:prefix': key },
    };
    const decision = await this.#askPolicy({ principal, permission, head }, bucket, undefined);
    return decision.effect === 'allow' && !isRestricted(bucket, decision, principal);
  }

  async #object(
    bucket: StoredBucket,
    key: string,
    { attributes }: Permission,
  ): Promise<{ readonly record: ObjectVersion; readonly extra: VersionExtra } | undefined> {
    const described = await this.#deps.versions.describe({ bucket, key }, attributes?.['s3:VersionId']);
    if (described === undefined || described.extra === undefined) return undefined;
    return { record: described.found.record, extra: described.extra };
  }
}

interface Asked {
  readonly principal: Principal;
  readonly permission: Permission;
  readonly head: RequestHead;
}

function allow(reason: string): Authorization {
  return { effect: 'allow', reason };
}

function byPolicy(
  { name }: StoredBucket,
  { index, statement }: Extract<PolicyDecision, { effect: 'allow' | 'deny' }>,
): Omit<Authorization, 'effect'> {
  const decidedBy = { document: `policy of bucket ${name}`, statement: statement.sid ?? String(index) };
  return { reason: `bucket policy, statement ${index}`, decidedBy };
}

function isRoot(principal: Principal): boolean {
  return principal.kind === 'user' && principal.isRoot;
}

/** RestrictPublicBuckets: what a policy gives to everybody reaches the owner alone. */
function isRestricted(
  { record }: StoredBucket,
  decision: Extract<PolicyDecision, { effect: 'allow' | 'deny' }>,
  principal: Principal,
): boolean {
  if (record.publicAccessBlock?.restrictPublicBuckets !== true) return false;
  if (ownName(principal) === record.owner) return false;
  return isPublicStatement(decision.statement);
}

function asksForTags({ statements }: Policy): boolean {
  return statements.some(({ conditions }) => conditions.some(({ key }) => key.startsWith(EXISTING_TAG)));
}

/** `bucket:<name>` or `bucket:<name>/<key>`. */
function parseResource(resource: string): {
  readonly bucket: BucketName | string;
  readonly key: string | undefined;
} {
  const path = resource.slice('bucket:'.length);
  const slash = path.indexOf('/');
  return slash < 0
    ? { bucket: path, key: undefined }
    : { bucket: path.slice(0, slash), key: path.slice(slash + 1) };
}
