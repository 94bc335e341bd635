import type { Reply, RequestHead } from '../../http/protocol.ts';
import { headerOf } from './auth/header-of.ts';
import type { BucketName } from './bucket-name.ts';
import { CORS_METHODS, corsHeaders } from './config-documents/cors.ts';
import type { S3Deps } from './deps.ts';
import { S3Error } from './errors.ts';
import type { BucketOperation, ObjectOperation, ServiceOperation } from './operation.ts';
import { storedCors } from './operations/bucket-cors.ts';

/** RFC 9110 5.1. */
const HEADER_NAME = /^[!#$%&'*+.^_`|~0-9a-z-]+$/;

type Deps = Pick<S3Deps, 'buckets' | 'documents'>;

/** What the rules of the bucket say to the origin of a request; nothing for requests that are not from a page. */
export async function corsOf(
  bucketName: BucketName,
  head: RequestHead,
  { buckets, documents }: Deps,
): Promise<Readonly<Record<string, string>>> {
  const origin = headerOf(head, 'origin');
  if (origin === undefined) return {};
  const bucket = await buckets.find(bucketName);
  const rules = bucket && (await documents.parsed(bucket, 'cors', storedCors));
  if (rules === undefined) return {};
  // Browsers send it with a preflight alone; where it comes with another request it is what is asked about, as at Amazon.
  const asked = headerOf(head, 'access-control-request-method');
  const headers = asked === undefined ? [] : headersAsked(head);
  if (headers === undefined) return {};
  return corsHeaders(rules, { origin, method: asked ?? head.method, headers }) ?? {};
}

/** In lower case; undefined when something in it is no name of a header. */
function headersAsked(head: RequestHead): readonly string[] | undefined {
  const names = (headerOf(head, 'access-control-request-headers') ?? '')
    .split(',')
    .map((name) => name.trim().toLowerCase())
    .filter((name) => name !== '');
  return names.every((name) => HEADER_NAME.test(name)) ? names : undefined;
}

/** The answer to a browser that asks before it sends a request. Throws AccessForbidden, and BadRequest. */
export async function preflight(
  { bucket: name }: BucketOperation | ObjectOperation,
  { head }: { readonly head: RequestHead },
  { buckets, documents }: Deps,
): Promise<Reply> {
  const { origin, method } = preflightOf(head);
  const bucket = await buckets.require(name);
  const rules = await documents.parsed(bucket, 'cors', storedCors);
  if (rules === undefined) throw forbidden('CORSResponse: CORS is not enabled for this bucket.', method);
  const headers = headersAsked(head);
  if (headers === undefined) {
    throw new S3Error('BadRequest', 'Access-Control-Request-Headers holds what is not the name of a header.');
  }
  const allowed = corsHeaders(rules, { origin, method, headers });
  if (allowed === undefined) {
    throw forbidden(
      "CORSResponse: This CORS request is not allowed. This is usually because the evalution of Origin, request method / Access-Control-Request-Method or Access-Control-Request-Headers are not whitelisted by the resource's CORS spec.",
      method,
    );
  }
  return { status: 200, headers: allowed };
}

/** Rules belong to buckets, so the list of buckets is for no page. Throws AccessForbidden, and InvalidRequest. */
export async function servicePreflight(
  _operation: ServiceOperation,
  { head }: { readonly head: RequestHead },
): Promise<Reply> {
  throw forbidden('CORSResponse: Bucket not found', preflightOf(head).method, 'SERVICE');
}

function preflightOf(head: RequestHead): { readonly origin: string; readonly method: string } {
  const origin = headerOf(head, 'origin');
  const method = headerOf(head, 'access-control-request-method');
  if (origin === undefined || origin === '') {
    throw new S3Error('BadRequest', 'Insufficient information. Origin request header needed.');
  }
  if (method === undefined || !CORS_METHODS.has(method)) {
    throw new S3Error(
      'BadRequest',
      `Invalid Access-Control-Request-Method: ${method?.slice(0, 40) ?? 'null'}`,
    );
  }
  return { origin, method };
}

function forbidden(message: string, method: string, resourceType = 'BUCKET'): S3Error {
  return new S3Error('AccessForbidden', message, {
    fields: { Method: method.slice(0, 40), ResourceType: resourceType },
  });
}
