import type { RequestHead } from '../../../http/protocol.ts';
import type { HmacKey } from './hmac-key.ts';
import { withHoistedHeaders } from './hoisted-headers.ts';
import type { PayloadForm } from './payload-form.ts';

/** What signs the chunks of a body whose head was signed. */
export interface ChunkSigning {
  readonly accessKeyId: string;
  readonly key: HmacKey;
  /** `20130524T000000Z` */
  readonly date: string;
  /** `20130524/us-east-1/s3/aws4_request` */
  readonly scope: string;
  /** The signature of the head, on which that of the first chunk builds. */
  readonly seed: string;
}

/** What a request's signature said, once it was found right. */
export interface SignedRequest {
  readonly accessKeyId: string;
  readonly user: string;
  readonly scheme: 'v4-header' | 'v4-query' | 'v2-header' | 'v2-query';
  /** Undefined for URLs of signature version 2, which tell only when they end. */
  readonly signedAtMs: number | undefined;
  readonly payload: PayloadForm;
  /** Present for version 4 in the header, the only form whose chunks can be signed. */
  readonly chunkSigning?: ChunkSigning;
}

const signedRequests = new WeakMap<RequestHead, SignedRequest>();

/** What the authenticator found; undefined for a request without a signature. */
export function signedRequestOf(head: RequestHead): SignedRequest | undefined {
  return signedRequests.get(head);
}

export function rememberSignedRequest(head: RequestHead, signed: SignedRequest): void {
  signedRequests.set(head, signed);
  signedRequests.set(withHoistedHeaders(head), signed);
}
