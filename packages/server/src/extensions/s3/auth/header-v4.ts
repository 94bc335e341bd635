import type { RequestHead } from '../../../http/protocol.ts';
import { S3Error } from '../errors.ts';
import { type AmzDate, parseAmzDate } from './amz-date.ts';
import { malformedHeader, parseAuthorizationV4 } from './authorization-header.ts';
import { assertClockSkew } from './clock-skew.ts';
import { parseCredentialScope, type Service } from './credential-scope.ts';
import { type Credential, findCredential } from './credentials.ts';
import { headerOf } from './header-of.ts';
import { parsePayloadForm } from './payload-form.ts';
import { assertSignatureV4, type SigningV4 } from './signature-v4.ts';
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
  const payloadHash = headerOf(head, 'x-amz-content-sha256');
  if (payloadHash === undefined) {
    throw new S3Error('InvalidRequest', 'Missing required header for this request: x-amz-content-sha256');
  }
  const payload = parsePayloadForm(payloadHash);
  const { credential, signing, seed } = await verifyAuthorizationV4(head, components, {
    deps,
    service: 's3',
    payloadHash,
  });
  return {
    credential,
    signed: {
      accessKeyId: credential.accessKeyId,
      user: credential.principal.name,
      scheme: 'v4-header',
      signedAtMs: signing.signedAtMs,
      payload,
      chunkSigning: { ...signing, seed },
    },
  };
}

/** The same for any service of this endpoint, whose body hashes to `payloadHash`. */
export async function verifyAuthorizationV4(
  head: RequestHead,
  components: string,
  {
    deps,
    service,
    payloadHash,
  }: { readonly deps: SignatureDeps; readonly service: Service; readonly payloadHash: string },
): Promise<{
  readonly credential: Credential;
  readonly signing: SigningV4 & { readonly signedAtMs: number };
  readonly seed: string;
}> {
  const authorization = parseAuthorizationV4(components);
  const rule = { region: deps.region, acceptAnyRegion: deps.acceptAnyRegion, service };
  const scope = parseCredentialScope(authorization.credential, rule, malformedHeader);
  const date = requestDate(head);
  assertClockSkew(date, { nowMs: deps.clock.now(), maxSkewMs: deps.maxSkewMs });
  if (!date.iso.startsWith(scope.date)) {
    throw malformedHeader(
      `Invalid credential date "${scope.date}". This date is not the same as X-Amz-Date: "${date.iso.slice(0, 8)}".`,
    );
  }
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
    signedAtMs: date.atMs,
  };
  const { signature } = authorization;
  assertSignatureV4({ head, signedNames, payloadHash }, signing, { signature, proxies: deps.proxies });
  return { credential, signing, seed: signature };
}

/** When a request was signed. Throws AccessDenied. */
export function requestDate(head: RequestHead): AmzDate {
  const text = headerOf(head, 'x-amz-date') ?? headerOf(head, 'date');
  const date = text === undefined ? undefined : parseAmzDate(text);
  if (date !== undefined) return date;
  throw new S3Error('AccessDenied', 'AWS authentication requires a valid Date or x-amz-date header');
}
