import type { Authentication, Authenticator } from '../../../extension/contract.ts';
import { clientAddresses } from '../../../http/client-address.ts';
import type { Operation, RequestHead } from '../../../http/protocol.ts';
import { trustedProxies } from '../../../http/trusted-proxies.ts';
import { bucketsInHost } from '../addressing.ts';
import { S3Error } from '../errors.ts';
import type { S3Operation } from '../operation.ts';
import type { S3Query } from '../query.ts';
import type { RegionRule } from './credential-scope.ts';
import type { CredentialDeps } from './credentials.ts';
import { headerOf } from './header-of.ts';
import { verifyHeaderV4 } from './header-v4.ts';
import { isPresignedV4, verifyPresignedV4 } from './presigned-v4.ts';
import type { RootGuesses } from './root-guesses.ts';
import { isPresignedV2, unsupportedV2, verifyHeaderV2, verifyPresignedV2 } from './signature-v2.ts';
import { ALGORITHM_V4 } from './signature-v4.ts';
import { rememberSignedRequest } from './signed-request.ts';
import { SigningKeys } from './signing-key.ts';
import type { SignatureDeps, Verified } from './verified.ts';

export interface S3AuthenticatorDeps extends CredentialDeps, RegionRule {
  readonly maxClockSkewSeconds: number;
  /** Version 2 of signatures: not at all, in queries and forms, or in headers too. */
  readonly signatureV2: boolean | 'all';
  readonly domains: readonly string[];
  readonly publicUrl?: string | undefined;
  /** Addresses and networks whose `X-Forwarded-*` headers are believed. */
  readonly trustedProxies: readonly string[];
  /** Shared by all that check signatures of root. */
  readonly rootGuesses: RootGuesses;
}

const ABSTAIN: Authentication = { outcome: 'abstain' };

/** The only operations whose body may be aws-chunked. */
const STREAMED: ReadonlySet<string> = new Set(['s3.PutObject', 's3.UploadPart']);

/**
 * Verifies the signature of S3 requests, in the Authorization header or in the query, and keeps what it said for the
 * operation (`signedRequestOf`). A request without one is left to others, so that it stays anonymous; one with any
 * other kind of Authorization is refused: a browser that knows a password must not be led to use the API with it.
 */
export function createS3Authenticator(deps: S3AuthenticatorDeps): Authenticator {
  const signatureDeps = signatureDepsOf(deps);
  return {
    async authenticate(head, operation) {
      if (!isS3(operation) || operation.name.startsWith('s3.Preflight')) return ABSTAIN;
      const verified = await signatureDeps.rootGuesses.watch(
        deps.root.user,
        signatureDeps.clientAddress(head),
        () => verify(head, operation.query, signatureDeps),
      );
      if (verified === undefined) return ABSTAIN;
      const { credential, signed } = verified;
      if (signed.payload.kind === 'chunked' && !STREAMED.has(operation.name)) {
        throw new S3Error(
          'InvalidRequest',
          'The value of x-amz-content-sha256 header is invalid. Only objects and parts of uploads are sent aws-chunked.',
        );
      }
      rememberSignedRequest(head, signed);
      return { outcome: 'principal', principal: credential.principal };
    },
  };
}

export function signatureDepsOf(deps: S3AuthenticatorDeps): SignatureDeps {
  return {
    ...deps,
    signingKeys: new SigningKeys(),
    clientAddress: clientAddresses(deps.trustedProxies),
    hostBucket: bucketsInHost(deps),
    maxSkewMs: deps.maxClockSkewSeconds * 1000,
    proxies: { publicUrl: deps.publicUrl, isTrustedProxy: trustedProxies(deps.trustedProxies) },
  };
}

/** Undefined when the request carries no signature. */
async function verify(head: RequestHead, query: S3Query, deps: SignatureDeps): Promise<Verified | undefined> {
  const authorization = headerOf(head, 'authorization') ?? '';
  const inQuery = isPresignedV4(query) ? 'v4' : isPresignedV2(query) ? 'v2' : undefined;
  if (authorization === '') {
    if (inQuery === 'v4') return verifyPresignedV4(head, query, deps);
    if (inQuery === undefined) return undefined;
    if (deps.signatureV2 === false) throw unsupportedV2();
    return verifyPresignedV2(head, query, deps);
  }
  if (inQuery !== undefined) {
    throw new S3Error(
      'InvalidArgument',
      'Only one auth mechanism allowed; only the X-Amz-Algorithm query parameter, Signature query string parameter or the Authorization header should be specified',
      { fields: { ArgumentName: 'Authorization' } },
    );
  }
  const space = authorization.indexOf(' ');
  const scheme = space < 0 ? authorization : authorization.slice(0, space);
  const rest = authorization.slice(scheme.length);
  if (scheme === ALGORITHM_V4) return verifyHeaderV4(head, rest, deps);
  if (scheme === 'AWS') {
    if (deps.signatureV2 !== 'all') throw unsupportedV2();
    return verifyHeaderV2(head, query, { rest, deps });
  }
  // What follows the scheme may be a password, so that it is not repeated.
  throw new S3Error('InvalidArgument', `Unsupported Authorization Type. Please use ${ALGORITHM_V4}.`, {
    fields: { ArgumentName: 'Authorization', ArgumentValue: scheme.slice(0, 64) },
  });
}

/** Only the S3 protocols make operations of such names. */
function isS3(operation: Operation): operation is S3Operation {
  return operation.name.startsWith('s3.');
}
