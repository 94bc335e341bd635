import { createHmac } from 'node:crypto';
import type { RequestHead } from '../../../http/protocol.ts';
import { S3Error } from '../errors.ts';
import type { S3Query } from '../query.ts';
import { assertClockSkew, isoSeconds } from './clock-skew.ts';
import { type Credential, findCredential } from './credentials.ts';
import { headerOf } from './header-of.ts';
import { requestDate } from './header-v4.ts';
import { parsePayloadForm } from './payload-form.ts';
import { isSameSignature } from './signature-compare.ts';
import { signatureMismatch } from './signature-v4.ts';
import { type ShapeV2, stringsToSignV2 } from './string-to-sign-v2.ts';
import type { SignatureDeps, Verified } from './verified.ts';

/** Whether a query claims a version 2 signature, however incomplete. */
export function isPresignedV2(query: S3Query): boolean {
  return query.has('AWSAccessKeyId') || query.has('Signature');
}

/** Signature version 2 in the query: the presigned URLs of many clients in the old regions. */
export async function verifyPresignedV2(
  head: RequestHead,
  query: S3Query,
  deps: SignatureDeps,
): Promise<Verified> {
  const accessKeyId = query.get('AWSAccessKeyId');
  const expires = query.get('Expires');
  // Some clients leave the plus signs of base64 as they are, which a form reads as spaces.
  const signature = query.get('Signature')?.replaceAll(' ', '+');
  if (!accessKeyId || !expires || !signature) {
    throw new S3Error(
      'AccessDenied',
      'Query-string authentication requires the Signature, Expires and AWSAccessKeyId parameters',
    );
  }
  assertNotExpired(expires, deps.clock.now());
  const token = query.get('x-amz-security-token') ?? headerOf(head, 'x-amz-security-token');
  const credential = await findCredential(deps, {
    accessKeyId,
    sessionToken: token,
    address: deps.clientAddress(head),
  });
  const shape = { head, query, dateLine: expires, hostBucket: deps.hostBucket(head) };
  assertSignatureV2(shape, credential, signature);
  return verified(head, credential, { scheme: 'v2-query', signedAtMs: undefined });
}

/** Signature version 2 in the Authorization header; `rest` is what follows `AWS`. */
export async function verifyHeaderV2(
  head: RequestHead,
  query: S3Query,
  { rest, deps }: { readonly rest: string; readonly deps: SignatureDeps },
): Promise<Verified> {
  const text = rest.trim();
  const colon = text.lastIndexOf(':');
  if (colon < 1) {
    throw new S3Error(
      'InvalidArgument',
      'AWS authorization header is invalid. Expected AwsAccessKeyId:signature',
      { fields: { ArgumentName: 'Authorization' } },
    );
  }
  const date = requestDate(head);
  assertClockSkew(date, { nowMs: deps.clock.now(), maxSkewMs: deps.maxSkewMs });
  const token = headerOf(head, 'x-amz-security-token');
  const credential = await findCredential(deps, {
    accessKeyId: text.slice(0, colon),
    sessionToken: token,
    address: deps.clientAddress(head),
  });
  const dateLine = head.headers['x-amz-date'] === undefined ? (headerOf(head, 'date') ?? '') : '';
  assertSignatureV2(
    { head, query, dateLine, hostBucket: deps.hostBucket(head) },
    credential,
    text.slice(colon + 1),
  );
  return verified(head, credential, { scheme: 'v2-header', signedAtMs: date.atMs });
}

/** Base64 of HMAC-SHA-1. Each byte of `message` is one latin1 character. */
export function signV2(secretAccessKey: string, message: string): string {
  return createHmac('sha1', secretAccessKey).update(message, 'latin1').digest('base64');
}

export function unsupportedV2(): S3Error {
  return new S3Error(
    'InvalidRequest',
    'The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256.',
  );
}

function assertSignatureV2(shape: ShapeV2, credential: Credential, signature: string): void {
  const { accessKeyId, secretAccessKey } = credential;
  let first: string | undefined;
  for (const stringToSign of stringsToSignV2(shape)) {
    if (isSameSignature(signature, signV2(secretAccessKey, stringToSign))) return;
    first ??= stringToSign;
  }
  throw signatureMismatch({
    accessKeyId,
    stringToSign: first ?? '',
    signature,
    why: 'Compare StringToSign below with the one your client made; with version 2 the Content-Type and every x-amz- header count.',
  });
}

function assertNotExpired(expires: string, nowMs: number): void {
  if (!/^-?\d{1,15}$/.test(expires)) {
    throw new S3Error(
      'AccessDenied',
      `Invalid date (should be seconds since epoch): ${expires.slice(0, 64)}`,
    );
  }
  const endsMs = Number(expires) * 1000;
  if (nowMs < endsMs) return;
  throw new S3Error('AccessDenied', 'Request has expired', {
    fields: { Expires: isoSeconds(Math.max(endsMs, 0)), ServerTime: isoSeconds(nowMs) },
  });
}

function verified(
  head: RequestHead,
  credential: Credential,
  how: { readonly scheme: 'v2-query' | 'v2-header'; readonly signedAtMs: number | undefined },
): Verified {
  const { accessKeyId, principal } = credential;
  const payload = parsePayloadForm(headerOf(head, 'x-amz-content-sha256'));
  return { credential, signed: { accessKeyId, user: principal.name, payload, ...how } };
}
