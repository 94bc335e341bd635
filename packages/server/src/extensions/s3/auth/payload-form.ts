import { S3Error } from '../errors.ts';

/** What a request says about its body in `x-amz-content-sha256`. */
export type PayloadForm =
  /** Nothing: presigned URLs, signature version 2, anonymous. */
  | { readonly kind: 'unstated' }
  | { readonly kind: 'unsigned' }
  | { readonly kind: 'sha256'; readonly hex: string }
  /** aws-chunked. With signatures of its chunks or without, with trailing headers or without. */
  | { readonly kind: 'chunked'; readonly isSigned: boolean; readonly hasTrailer: boolean };

const UNSTATED: PayloadForm = { kind: 'unstated' };
const UNSIGNED: PayloadForm = { kind: 'unsigned' };
const CHUNKED: ReadonlyMap<string, PayloadForm> = new Map([
  ['STREAMING-UNSIGNED-PAYLOAD-TRAILER', { kind: 'chunked', isSigned: false, hasTrailer: true }],
  ['STREAMING-AWS4-HMAC-SHA256-PAYLOAD', { kind: 'chunked', isSigned: true, hasTrailer: false }],
  ['STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER', { kind: 'chunked', isSigned: true, hasTrailer: true }],
]);
const SHA256_HEX = /^[0-9a-f]{64}$/i;

/** Throws InvalidArgument for anything but the values of the reference; the ones of SigV4A are not supported. */
export function parsePayloadForm(value: string | undefined): PayloadForm {
  if (value === undefined) return UNSTATED;
  if (SHA256_HEX.test(value)) return { kind: 'sha256', hex: value.toLowerCase() };
  if (value === 'UNSIGNED-PAYLOAD') return UNSIGNED;
  const chunked = CHUNKED.get(value);
  if (chunked !== undefined) return chunked;
  const why = value.startsWith('STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD')
    ? 'AWS4-ECDSA-P256-SHA256 is not supported; sign with AWS4-HMAC-SHA256.'
    : 'x-amz-content-sha256 must be UNSIGNED-PAYLOAD, STREAMING-UNSIGNED-PAYLOAD-TRAILER, STREAMING-AWS4-HMAC-SHA256-PAYLOAD, STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER or a valid sha256 value.';
  throw new S3Error('InvalidArgument', why, {
    fields: { ArgumentName: 'x-amz-content-sha256', ArgumentValue: value.slice(0, 128) },
  });
}
