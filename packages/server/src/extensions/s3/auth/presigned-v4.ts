import type { RequestHead } from '../../../http/protocol.ts';
import { S3Error } from '../errors.ts';
import type { S3Query } from '../query.ts';
import { type AmzDate, parseAmzDate } from './amz-date.ts';
import { isoSeconds } from './clock-skew.ts';
import { parseCredentialScope } from './credential-scope.ts';
import { findCredential } from './credentials.ts';
import { headerOf } from './header-of.ts';
import { parsePayloadForm } from './payload-form.ts';
import { ALGORITHM_V4, assertSignatureV4 } from './signature-v4.ts';
import { parseSignedHeaders } from './signed-headers.ts';
import type { SignatureDeps, Verified } from './verified.ts';

const MAX_EXPIRES_SECONDS = 604_800;
const PARAMETERS = [
  'X-Amz-Algorithm',
  'X-Amz-Credential',
  'X-Amz-Signature',
  'X-Amz-Date',
  'X-Amz-SignedHeaders',
  'X-Amz-Expires',
] as const;

/** Whether a query claims a version 4 signature, however incomplete. */
export function isPresignedV4(query: S3Query): boolean {
  return query.has('X-Amz-Algorithm') || query.has('X-Amz-Credential') || query.has('X-Amz-Signature');
}

/** Signature version 4 in the query: a presigned URL. Throws the error of the reference for what is wrong with it. */
export async function verifyPresignedV4(
  head: RequestHead,
  query: S3Query,
  deps: SignatureDeps,
): Promise<Verified> {
  const parameters = requireParameters(query);
  const algorithm = parameters['X-Amz-Algorithm'];
  if (algorithm !== ALGORITHM_V4) {
    throw refusal(`X-Amz-Algorithm only supports "${ALGORITHM_V4}"`);
  }
  const scope = parseCredentialScope(parameters['X-Amz-Credential'], deps, (why, fields) =>
    refusal(`Error parsing the X-Amz-Credential parameter; ${why}`, fields),
  );
  const date = parseAmzDate(parameters['X-Amz-Date']);
  if (date === undefined) {
    throw refusal(`X-Amz-Date must be in the ISO8601 Long Format "yyyyMMdd'T'HHmmss'Z'"`);
  }
  if (!date.iso.startsWith(scope.date)) {
    throw refusal(
      `Invalid credential date "${scope.date}". This date is not the same as X-Amz-Date: "${date.iso.slice(0, 8)}".`,
    );
  }
  assertValidNow(date, parameters['X-Amz-Expires'], deps);
  const stated = headerOf(head, 'x-amz-content-sha256') ?? query.get('X-Amz-Content-Sha256');
  const payload = parsePayloadForm(stated);
  const signedNames = parseSignedHeaders(head, parameters['X-Amz-SignedHeaders']);
  const token = query.get('X-Amz-Security-Token') ?? headerOf(head, 'x-amz-security-token');
  const credential = await findCredential(deps, {
    accessKeyId: scope.accessKeyId,
    sessionToken: token,
    address: deps.clientAddress(head),
  });
  assertSignatureV4(
    { head, signedNames, payloadHash: stated ?? 'UNSIGNED-PAYLOAD', signatureParameter: 'X-Amz-Signature' },
    {
      accessKeyId: scope.accessKeyId,
      key: deps.signingKeys.keyFor(credential, scope),
      date: date.iso,
      scope: scope.text,
    },
    { signature: parameters['X-Amz-Signature'], proxies: deps.proxies },
  );
  return {
    credential,
    signed: {
      accessKeyId: scope.accessKeyId,
      user: credential.principal.name,
      scheme: 'v4-query',
      signedAtMs: date.atMs,
      payload,
    },
  };
}

type Parameters = Readonly<Record<(typeof PARAMETERS)[number], string>>;

function requireParameters(query: S3Query): Parameters {
  const [algorithm, credential, signature, date, signedHeaders, expires] = PARAMETERS.map((name) =>
    query.get(name),
  );
  if (!algorithm || !credential || !signature || !date || !signedHeaders || !expires) {
    throw refusal(
      'Query-string authentication version 4 requires the X-Amz-Algorithm, X-Amz-Credential, X-Amz-Signature, X-Amz-Date, X-Amz-SignedHeaders, and X-Amz-Expires parameters.',
    );
  }
  return {
    'X-Amz-Algorithm': algorithm,
    'X-Amz-Credential': credential,
    'X-Amz-Signature': signature,
    'X-Amz-Date': date,
    'X-Amz-SignedHeaders': signedHeaders,
    'X-Amz-Expires': expires,
  };
}

function assertValidNow(date: AmzDate, expires: string, { clock, maxSkewMs }: SignatureDeps): void {
  const seconds = parseExpires(expires);
  const nowMs = clock.now();
  if (date.atMs > nowMs + maxSkewMs) {
    throw new S3Error('AccessDenied', 'Request is not valid yet', {
      fields: { 'X-Amz-Date': date.iso, ServerTime: isoSeconds(nowMs) },
    });
  }
  const endsMs = date.atMs + seconds * 1000;
  if (nowMs < endsMs) return;
  throw new S3Error('AccessDenied', 'Request has expired', {
    fields: { 'X-Amz-Expires': expires, Expires: isoSeconds(endsMs), ServerTime: isoSeconds(nowMs) },
  });
}

/** A number that is no lifetime is answered 403, as an expired one is: such a URL was never valid. */
function parseExpires(text: string): number {
  if (!/^-?\d{1,15}$/.test(text)) throw refusal('X-Amz-Expires should be a number');
  const seconds = Number(text);
  if (seconds < 0) throw refusal('X-Amz-Expires must be non-negative', {}, 403);
  if (seconds > MAX_EXPIRES_SECONDS) {
    throw refusal(
      `X-Amz-Expires must be less than a week (in seconds); that is, the given X-Amz-Expires must be less than ${MAX_EXPIRES_SECONDS} seconds`,
      {},
      403,
    );
  }
  return seconds;
}

function refusal(why: string, fields: Readonly<Record<string, string>> = {}, status?: number): S3Error {
  return new S3Error('AuthorizationQueryParametersError', why, {
    fields,
    ...(status !== undefined && { status }),
  });
}
