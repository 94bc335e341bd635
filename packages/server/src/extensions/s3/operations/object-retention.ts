import type { RequestContext } from '../../../http/protocol.ts';
import { collectPayload } from '../auth/collect-payload.ts';
import { headerOf } from '../auth/header-of.ts';
import type { BucketName } from '../bucket-name.ts';
import type { S3Deps } from '../deps.ts';
import { S3Error } from '../errors.ts';
import type { Handler } from '../handlers.ts';
import { changeVersion } from '../object/change-version.ts';
import { mayBypassGovernance } from '../object/delete-object.ts';
import { findObject } from '../object/find-object.ts';
import { parseLockMode, parseRetainUntil } from '../object/lock-headers.ts';
import { versionIdOfQuery } from '../object/version-id.ts';
import type { ObjectOperation } from '../operation.ts';
import { emptyReply, isoTime, xmlReply } from '../reply.ts';
import type { StoredBucket } from '../store/buckets.ts';
import type { ObjectVersion, Retention } from '../store/records.ts';
import { childText, malformed, parseXml } from '../xml/parse.ts';

const MAX_BYTES = 16 * 1024;

export const getObjectRetention: Handler<ObjectOperation> = async (operation, context, deps) => {
  const { retention } = await lockableVersion(operation, context, deps);
  if (retention === undefined) throw noLock();
  return xmlReply('Retention', { Mode: retention.mode, RetainUntilDate: isoTime(retention.untilMs) });
};

export const putObjectRetention: Handler<ObjectOperation> = async (operation, context, deps) => {
  const { bucket: name, key } = operation;
  assertHasLock(await deps.buckets.require(name));
  const asked = parseRetention(await collectPayload(context, MAX_BYTES), deps.clock.now());
  const mayBypass = await bypasses(context, name, key);
  const headers = await changeVersion(operation, context, deps, ({ record }) => {
    assertMayChange(record.retention, asked, { mayBypass, nowMs: deps.clock.now() });
    return { record: { retention: asked } };
  });
  return emptyReply(200, headers);
};

export const getObjectLegalHold: Handler<ObjectOperation> = async (operation, context, deps) => {
  const { legalHold } = await lockableVersion(operation, context, deps);
  if (legalHold === undefined) throw noLock();
  return xmlReply('LegalHold', { Status: legalHold ? 'ON' : 'OFF' });
};

export const putObjectLegalHold: Handler<ObjectOperation> = async (operation, context, deps) => {
  assertHasLock(await deps.buckets.require(operation.bucket));
  const status = childText(parseXml(await collectPayload(context, MAX_BYTES), 'LegalHold'), 'Status')?.trim();
  if (status !== 'ON' && status !== 'OFF') throw malformed('Status must be ON or OFF');
  const headers = await changeVersion(operation, context, deps, () => ({
    record: { legalHold: status === 'ON' },
  }));
  return emptyReply(200, headers);
};

async function lockableVersion(
  { bucket: name, key, query }: ObjectOperation,
  context: RequestContext,
  deps: S3Deps,
): Promise<ObjectVersion> {
  const bucket = await deps.buckets.require(name);
  assertHasLock(bucket);
  return (await findObject({ bucket, key, versionId: versionIdOfQuery(query) }, context, deps)).record;
}

/** Undefined for an empty document, which takes the retention away. Throws MalformedXML and InvalidArgument. */
function parseRetention(bytes: Uint8Array, nowMs: number): Retention | undefined {
  const document = parseXml(bytes, 'Retention');
  const mode = childText(document, 'Mode')?.trim();
  const until = childText(document, 'RetainUntilDate')?.trim();
  if (mode === undefined && until === undefined) return undefined;
  if (mode !== 'GOVERNANCE' && mode !== 'COMPLIANCE')
    throw malformed('Mode must be GOVERNANCE or COMPLIANCE');
  if (until === undefined) throw malformed('there is no RetainUntilDate');
  return { mode: parseLockMode(mode), untilMs: parseRetainUntil(until, nowMs) };
}

/** Longer in the same mode is always fine. Anything else is for who may bypass GOVERNANCE, and for nobody under COMPLIANCE. */
function assertMayChange(
  now: Retention | undefined,
  asked: Retention | undefined,
  { mayBypass, nowMs }: { readonly mayBypass: boolean; readonly nowMs: number },
): void {
  if (now === undefined || now.untilMs <= nowMs) return;
  const isLonger = asked !== undefined && asked.untilMs >= now.untilMs;
  if (isLonger && asked.mode === now.mode) return;
  if (now.mode === 'GOVERNANCE' && mayBypass) return;
  throw new S3Error('AccessDenied', 'Access Denied because object protected by object lock.');
}

async function bypasses(context: RequestContext, bucket: BucketName, key: string): Promise<boolean> {
  if (headerOf(context.head, 'x-amz-bypass-governance-retention')?.toLowerCase() !== 'true') return false;
  return mayBypassGovernance(context, bucket, key);
}

function assertHasLock({ record }: StoredBucket): void {
  if (record.objectLock) return;
  throw new S3Error('InvalidRequest', 'Bucket is missing Object Lock Configuration');
}

function noLock(): S3Error {
  return new S3Error(
    'NoSuchObjectLockConfiguration',
    'The specified object does not have a ObjectLock configuration',
  );
}
