import { type ErrorKind, StoreError, type StoreErrorOptions } from '@zot-artifact-store/spec';

/** Status and, for the access log and the pipeline, the protocol-free kind of an S3 error code. */
interface CodeEntry {
  readonly status: number;
  readonly kind: ErrorKind;
}

const bad = (kind: ErrorKind = 'request-invalid'): CodeEntry => ({ status: 400, kind });
const forbidden = (kind: ErrorKind = 'denied'): CodeEntry => ({ status: 403, kind });
const missing = (kind: ErrorKind = 'blob-unknown'): CodeEntry => ({ status: 404, kind });
const conflict = (kind: ErrorKind = 'conflict'): CodeEntry => ({ status: 409, kind });

/** Every code this server answers with (Amazon S3 API reference, "Error responses"). */
const CODES = {
  AccessControlListNotSupported: bad(),
  AccessDenied: forbidden(),
  AccessForbidden: forbidden(),
  AuthorizationHeaderMalformed: bad(),
  AuthorizationQueryParametersError: bad(),
  BadDigest: bad('digest-mismatch'),
  BadRequest: bad(),
  BucketAlreadyExists: conflict(),
  BucketAlreadyOwnedByYou: conflict(),
  BucketNotEmpty: conflict('in-use'),
  ConditionalRequestConflict: conflict(),
  CrossLocationLoggingProhibited: forbidden(),
  EntityTooLarge: bad('body-too-large'),
  EntityTooSmall: bad('size-invalid'),
  ExpiredToken: bad('unauthenticated'),
  IllegalLocationConstraintException: bad(),
  IncompleteBody: bad('request-incomplete'),
  InternalError: { status: 500, kind: 'internal' },
  InvalidAccessKeyId: forbidden('unauthenticated'),
  InvalidArgument: bad('argument-invalid'),
  InvalidBucketAclWithObjectOwnership: bad(),
  InvalidBucketName: bad('name-invalid'),
  InvalidBucketOwnerAWSAccountID: bad('argument-invalid'),
  InvalidBucketState: conflict(),
  InvalidChunkSizeError: bad(),
  InvalidDigest: bad('digest-invalid'),
  InvalidEncryptionAlgorithmError: bad('argument-invalid'),
  InvalidLocationConstraint: bad(),
  InvalidObjectState: forbidden(),
  InvalidPart: bad('argument-invalid'),
  InvalidPartNumber: { status: 416, kind: 'range-unsatisfiable' },
  InvalidPartOrder: bad('argument-invalid'),
  InvalidPolicyDocument: bad(),
  InvalidRange: { status: 416, kind: 'range-unsatisfiable' },
  InvalidRedirectLocation: bad(),
  InvalidRequest: bad(),
  InvalidRetentionPeriod: bad('argument-invalid'),
  InvalidStorageClass: bad('argument-invalid'),
  InvalidTag: bad('argument-invalid'),
  InvalidTargetBucketForLogging: bad(),
  InvalidToken: forbidden('unauthenticated'),
  InvalidURI: bad('name-invalid'),
  KeyTooLongError: bad('name-invalid'),
  'KMS.NotFoundException': bad('argument-invalid'),
  MalformedACLError: bad(),
  MalformedPOSTRequest: bad(),
  MalformedPolicy: bad(),
  MalformedTrailerError: bad(),
  MalformedXML: bad(),
  MaxPostPreDataLengthExceededError: bad('body-too-large'),
  MaxMessageLengthExceeded: bad('body-too-large'),
  MetadataTooLarge: bad('headers-too-large'),
  MethodNotAllowed: { status: 405, kind: 'method-not-allowed' },
  MissingContentLength: { status: 411, kind: 'length-required' },
  MissingRequestBodyError: bad(),
  MissingSecurityHeader: bad(),
  NoSuchBucket: missing('repository-unknown'),
  NoSuchBucketPolicy: missing(),
  NoSuchCORSConfiguration: missing(),
  NoSuchKey: missing(),
  NoSuchLifecycleConfiguration: missing(),
  NoSuchObjectLockConfiguration: missing(),
  NoSuchPublicAccessBlockConfiguration: missing(),
  NoSuchTagSet: missing(),
  NoSuchUpload: missing('upload-unknown'),
  NoSuchVersion: missing(),
  NoSuchWebsiteConfiguration: missing(),
  NotImplemented: { status: 501, kind: 'not-implemented' },
  ObjectLockConfigurationNotFoundError: missing(),
  OperationAborted: conflict(),
  OwnershipControlsNotFoundError: missing(),
  PreconditionFailed: { status: 412, kind: 'precondition-failed' },
  ReplicationConfigurationNotFoundError: missing(),
  RequestExpired: bad('unauthenticated'),
  RequestHeaderSectionTooLarge: bad('headers-too-large'),
  RequestIsNotMultiPartContent: { status: 412, kind: 'precondition-failed' },
  RequestTimeout: bad('request-timeout'),
  RequestTimeTooSkewed: forbidden('unauthenticated'),
  ServerSideEncryptionConfigurationNotFoundError: missing(),
  ServiceUnavailable: { status: 503, kind: 'unavailable' },
  SignatureDoesNotMatch: forbidden('unauthenticated'),
  SlowDown: { status: 503, kind: 'too-many-requests' },
  StorageFull: { status: 507, kind: 'storage-full' },
  TokenRefreshRequired: bad('unauthenticated'),
  TooManyBuckets: bad(),
  UnexpectedContent: bad(),
  UnresolvableGrantByEmailAddress: bad(),
  UserKeyMustBeSpecified: bad(),
  XAmzContentSHA256Mismatch: bad('digest-mismatch'),
} as const satisfies Record<string, CodeEntry>;

export type S3Code = keyof typeof CODES;

export interface S3ErrorOptions extends StoreErrorOptions {
  /** Elements of the error document next to Code and Message, in this order: `{ BucketName: 'b' }`. */
  readonly fields?: Readonly<Record<string, string>>;
  /** Overrides the status of the code. */
  readonly status?: number;
}

/** An error that is S3's own; what the core throws is translated by `toS3Error`. */
export class S3Error extends StoreError {
  readonly code: S3Code;
  readonly status: number;
  readonly fields: Readonly<Record<string, string>>;

  /** `message` is one sentence for a person, as everywhere. */
  constructor(code: S3Code, message: string, options: S3ErrorOptions = {}) {
    super(CODES[code].kind, message, options);
    this.code = code;
    this.status = options.status ?? CODES[code].status;
    this.fields = options.fields ?? {};
  }
}

/** What the core's kinds are called here. */
const CODE_OF_KIND = {
  'name-invalid': 'InvalidURI',
  'tag-invalid': 'InvalidArgument',
  'digest-invalid': 'InvalidDigest',
  'digest-mismatch': 'BadDigest',
  'argument-invalid': 'InvalidArgument',
  'request-invalid': 'InvalidRequest',
  'size-invalid': 'IncompleteBody',
  'length-required': 'MissingContentLength',
  'body-too-large': 'EntityTooLarge',
  'uri-too-long': 'InvalidURI',
  'headers-too-large': 'RequestHeaderSectionTooLarge',
  'range-unsatisfiable': 'InvalidRange',
  'upload-out-of-order': 'InvalidRequest',
  'upload-invalid': 'InvalidRequest',
  'manifest-invalid': 'InvalidRequest',
  'manifest-blob-unknown': 'InvalidRequest',
  'manifest-too-large': 'EntityTooLarge',
  'media-type-unsupported': 'InvalidRequest',
  'request-incomplete': 'IncompleteBody',
  'request-timeout': 'RequestTimeout',
  'repository-unknown': 'NoSuchBucket',
  'manifest-unknown': 'NoSuchKey',
  'blob-unknown': 'NoSuchKey',
  'upload-unknown': 'NoSuchUpload',
  'resource-unknown': 'InvalidArgument',
  'route-unknown': 'NotImplemented',
  unauthenticated: 'AccessDenied',
  denied: 'AccessDenied',
  'in-use': 'OperationAborted',
  'method-not-allowed': 'MethodNotAllowed',
  'not-implemented': 'NotImplemented',
  'precondition-failed': 'PreconditionFailed',
  conflict: 'OperationAborted',
  'too-many-requests': 'SlowDown',
  'storage-full': 'StorageFull',
  unavailable: 'ServiceUnavailable',
  'blob-corrupt': 'InternalError',
  internal: 'InternalError',
} as const satisfies Record<ErrorKind, S3Code>;

/** The S3 error a StoreError is shown as; an S3Error is its own. */
export function toS3Error(error: StoreError): S3Error {
  if (error instanceof S3Error) return error;
  return new S3Error(CODE_OF_KIND[error.kind], error.message, {
    headers: error.headers,
    ...(error.resource === undefined ? {} : { resource: error.resource }),
    ...(error.retryAfterSeconds === undefined ? {} : { retryAfterSeconds: error.retryAfterSeconds }),
    cause: error,
  });
}
