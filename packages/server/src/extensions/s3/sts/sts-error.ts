import { type ErrorKind, StoreError, type StoreErrorOptions } from '@zot-artifact-store/spec';
import { S3Error } from '../errors.ts';

const bad = (kind: ErrorKind = 'request-invalid') => ({ status: 400, kind }) as const;
const forbidden = (kind: ErrorKind = 'unauthenticated') => ({ status: 403, kind }) as const;

/** Every code of STS this server answers with (STS API reference, "Common errors" and those of the actions). */
const CODES = {
  AccessDenied: forbidden('denied'),
  ExpiredToken: forbidden(),
  ExpiredTokenException: bad('unauthenticated'),
  IDPCommunicationError: bad('unavailable'),
  IncompleteSignature: forbidden(),
  InternalFailure: { status: 500, kind: 'internal' },
  InvalidAction: bad('not-implemented'),
  InvalidClientTokenId: forbidden(),
  InvalidIdentityToken: bad('unauthenticated'),
  InvalidParameterValue: bad('argument-invalid'),
  MalformedPolicyDocument: bad(),
  MissingAction: bad(),
  MissingAuthenticationToken: forbidden(),
  MissingParameter: bad('argument-invalid'),
  PackedPolicyTooLarge: bad('body-too-large'),
  RequestEntityTooLarge: { status: 413, kind: 'body-too-large' },
  ServiceUnavailable: { status: 503, kind: 'unavailable' },
  SignatureDoesNotMatch: forbidden(),
  Throttling: bad('too-many-requests'),
  ValidationError: bad('argument-invalid'),
} as const satisfies Record<string, { readonly status: number; readonly kind: ErrorKind }>;

export type StsCode = keyof typeof CODES;

/** An error as STS tells it. */
export class StsError extends StoreError {
  readonly code: StsCode;
  readonly status: number;

  constructor(code: StsCode, message: string, options: StoreErrorOptions = {}) {
    super(CODES[code].kind, message, options);
    this.code = code;
    this.status = CODES[code].status;
  }
}

/** What errors of signatures are called here; both services check them with the same code. */
const OF_S3: Readonly<Partial<Record<S3Error['code'], StsCode>>> = {
  AccessDenied: 'IncompleteSignature',
  AuthorizationHeaderMalformed: 'IncompleteSignature',
  ExpiredToken: 'ExpiredToken',
  IncompleteBody: 'ValidationError',
  InvalidAccessKeyId: 'InvalidClientTokenId',
  InvalidToken: 'InvalidClientTokenId',
  MaxMessageLengthExceeded: 'RequestEntityTooLarge',
  RequestTimeTooSkewed: 'SignatureDoesNotMatch',
  SignatureDoesNotMatch: 'SignatureDoesNotMatch',
  SlowDown: 'Throttling',
};

const OF_KIND: Readonly<Partial<Record<ErrorKind, StsCode>>> = {
  'body-too-large': 'RequestEntityTooLarge',
  unauthenticated: 'AccessDenied',
  denied: 'AccessDenied',
  unavailable: 'ServiceUnavailable',
  'too-many-requests': 'Throttling',
  'storage-full': 'ServiceUnavailable',
  internal: 'InternalFailure',
};

/** The STS error a StoreError is shown as. */
export function toStsError(error: StoreError): StsError {
  if (error instanceof StsError) return error;
  const code = (error instanceof S3Error ? OF_S3[error.code] : undefined) ?? OF_KIND[error.kind];
  return new StsError(code ?? 'ValidationError', error.message, {
    cause: error,
    ...(error.retryAfterSeconds === undefined ? {} : { retryAfterSeconds: error.retryAfterSeconds }),
  });
}
