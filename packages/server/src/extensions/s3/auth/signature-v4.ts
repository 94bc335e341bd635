import { S3Error } from '../errors.ts';
import { type CanonicalRequest, canonicalHash, canonicalText } from './canonical-request.ts';
import { explainMismatch } from './explain-mismatch.ts';
import type { HmacKey } from './hmac-key.ts';
import { otherReadings, readAsReceived, type SignedShape } from './request-readings.ts';
import { isSameSignature } from './signature-compare.ts';
import type { ProxyRule } from './signed-places.ts';

export const ALGORITHM_V4 = 'AWS4-HMAC-SHA256';

/** What a version 4 signature was made with. */
export interface SigningV4 {
  readonly accessKeyId: string;
  readonly key: HmacKey;
  /** `20130524T000000Z` */
  readonly date: string;
  /** `20130524/us-east-1/s3/aws4_request` */
  readonly scope: string;
}

/**
 * Throws SignatureDoesNotMatch unless `signature` was made with this key for this request: as it arrived, or, a bounded
 * number of variants, as it was before a proxy passed it on.
 */
export function assertSignatureV4(
  shape: SignedShape,
  signing: SigningV4,
  { signature, proxies }: { readonly signature: string; readonly proxies: ProxyRule },
): void {
  const matches = (reading: CanonicalRequest): boolean =>
    isSameSignature(signature, signing.key.sign(stringToSign(reading, signing)));
  const received = readAsReceived(shape);
  if (matches(received)) return;
  for (const reading of otherReadings(shape, proxies)) if (matches(reading)) return;
  throw signatureMismatch({
    accessKeyId: signing.accessKeyId,
    stringToSign: stringToSign(received, signing),
    signature,
    canonicalRequest: canonicalText(received),
    why: explainMismatch(shape, received, matches),
  });
}

export interface Mismatch {
  readonly accessKeyId: string;
  readonly stringToSign: string;
  readonly signature: string;
  readonly canonicalRequest?: string;
  /** What probably differs. */
  readonly why: string;
}

export function signatureMismatch(mismatch: Mismatch): S3Error {
  const { accessKeyId, stringToSign, signature, canonicalRequest, why } = mismatch;
  return new S3Error(
    'SignatureDoesNotMatch',
    `The request signature we calculated does not match the signature you provided. Check your key and signing method. ${why}`,
    {
      fields: {
        AWSAccessKeyId: accessKeyId,
        StringToSign: stringToSign,
        SignatureProvided: signature.slice(0, 256),
        ...(canonicalRequest !== undefined && { CanonicalRequest: canonicalRequest }),
      },
    },
  );
}

function stringToSign(reading: CanonicalRequest, { date, scope }: SigningV4): string {
  return `${ALGORITHM_V4}\n${date}\n${scope}\n${canonicalHash(reading)}`;
}
