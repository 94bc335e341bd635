import type { RequestHead } from '../../../http/protocol.ts';
import { S3Error } from '../errors.ts';
import { type AmzDate, parseAmzDate } from './amz-date.ts';
import { malformedHeader, parseAuthorizationV4 } from './authorization-header.ts';
import { assertClockSkew } from './clock-skew.ts';
import { parseCredentialScope } from './credential-scope.ts';
import { findCredential } from './credentials.ts';
import { headerOf } from './header-of.ts';
import { parsePayloadForm } from './payload-form.ts';
import { assertSignatureV4 } from './signature-v4.ts';
import { parseSignedHeaders } from './signed-headers.ts';
import type { SignatureDeps, Verified } from './verified.ts';

/**
 * Signature version 4 in the Authorization header; `components` is what follows the algorithm. Throws the error of the
 * reference for whatever is wrong with it.
 */
export async function verifyHeaderV4(
  head: RequestHead,
  components: string,
  deps: SignatureDeps,
): Promise<Verified> {
  const authorization = parseAuthorizationV4(components);
  const scope = parseCredentialScope(authorization.credential, deps, malformedHeader);
  const date = requestDate(head);
  assertClockSkew(date, { nowMs: deps.clock.now(), maxSkewMs: deps.maxSkewMs });
  if (!date.iso.startsWith(scope.date)) {
    throw malformedHeader(
      `Invalid credential date "${scope.date}". This date is not the same as X-Amz-Date: "${date.iso.slice(0, 8)}".`,
    );
  }
  const payloadHash = headerOf(head, 'x-amz-content-sha256');
  if (payloadHash === undefined) {
    throw new S3Error('InvalidRequest', 'Missing required header for this request: x-amz-content-sha256');
  }
  const payload = parsePayloadForm(payloadHash);
  const signedNames = parseSignedHeaders(head, authorization.signedHeaders);
  const credential = await findCredential(deps, {
    accessKeyId: scope.accessKeyId,
    sessionToken: headerOf(head, 'x-amz-security-token'),
    address: deps.clientAddress(head),
  });
  const signing = {
    accessKeyId: scope.accessKeyId,
    key: deps.signingKeys.keyFor(credential, scope),
    date: date.iso,
    scope: scope.text,
  };
  const { signature } = authorization;
  assertSignatureV4({ head, signedNames, payloadHash }, signing, { signature, proxies: deps.proxies });
  return {
    credential,
    signed: {
      accessKeyId: scope.accessKeyId,
      user: credential.user,
      scheme: 'v4-header',
      signedAtMs: date.atMs,
      payload,
      chunkSigning: { ...signing, seed: signature },
    },
  };
}

/** When a request was signed. Throws AccessDenied. */
export function requestDate(head: RequestHead): AmzDate {
  const text = headerOf(head, 'x-amz-date') ?? headerOf(head, 'date');
  const date = text === undefined ? undefined : parseAmzDate(text);
  if (date !== undefined) return date;
  throw new S3Error('AccessDenied', 'AWS authentication requires a valid Date or x-amz-date header');
}
