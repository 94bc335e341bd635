import type { Reply, RequestHead } from './protocol.ts';

const ALLOWED_METHODS = 'GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS';
const DEFAULT_ALLOWED_HEADERS =
  'Authorization, Content-Type, Content-Range, Range, If-Match, If-None-Match, If-Range, Accept, X-ZOT-API-CLIENT';
const EXPOSED_HEADERS =
  'Docker-Content-Digest, Docker-Upload-UUID, Blob-Upload-UUID, Docker-Distribution-API-Version, Location, Link, Range, ' +
  'Content-Range, Accept-Ranges, ETag, Warning, Retry-After, WWW-Authenticate, OCI-Subject, OCI-Tag, OCI-Filters-Applied, OCI-Chunk-Min-Length, X-Request-Id';
const PREFLIGHT_MAX_AGE_SECONDS = 600;

type CorsHeaders = Readonly<Record<string, string>>;

/** What browsers of other origins may do (Fetch standard, "CORS protocol"); zot's `http.allowOrigin`. */
export interface Cors {
  /** To be added to any reply for this request; undefined where no origin has a say. */
  headers(head: RequestHead): CorsHeaders | undefined;
  /** The answer to a preflight, before any authentication (a browser sends it without credentials). */
  preflight(head: RequestHead): Reply | undefined;
}

export interface CorsOptions {
  /** Origins as browsers send them; `*` for every origin, which then may not use credentials. */
  readonly allowOrigins: readonly string[];
  /** The raw paths this covers. */
  readonly pathPrefixes?: readonly string[];
}

/** Undefined when no origin is allowed: browsers then refuse by themselves. */
export function createCors(options: CorsOptions): Cors | undefined {
  const origins = new Set(
    options.allowOrigins.map((origin) => origin.trim()).filter((origin) => origin !== ''),
  );
  if (origins.size === 0) return undefined;
  const allowsAll = origins.has('*');
  const prefixes = options.pathPrefixes ?? ['/v2/'];

  // "Vary" also where an origin has no say: what a cache kept of such a request must not be given to one that has.
  const isSameForAll = allowsAll && origins.size === 1;

  function covers(head: RequestHead): boolean {
    return prefixes.some((prefix) => head.path.startsWith(prefix));
  }

  function allowed({ headers: { origin } }: RequestHead): CorsHeaders | undefined {
    if (typeof origin === 'string' && origins.has(origin)) {
      return {
        'access-control-allow-origin': origin,
        'access-control-allow-credentials': 'true',
        'access-control-expose-headers': EXPOSED_HEADERS,
      };
    }
    if (!allowsAll) return undefined;
    return { 'access-control-allow-origin': '*', 'access-control-expose-headers': EXPOSED_HEADERS };
  }

  function headers(head: RequestHead): CorsHeaders | undefined {
    if (!covers(head)) return undefined;
    return isSameForAll ? allowed(head) : { ...allowed(head), vary: 'Origin' };
  }

  function preflight(head: RequestHead): Reply | undefined {
    if (head.method !== 'OPTIONS' || head.headers['access-control-request-method'] === undefined)
      return undefined;
    if (!covers(head) || allowed(head) === undefined) return undefined;
    const asked = head.headers['access-control-request-headers'];
    return {
      status: 204,
      headers: {
        'access-control-allow-methods': ALLOWED_METHODS,
        // An allowed origin may send any header: what it means is still decided by authentication.
        'access-control-allow-headers': isHeaderNameList(asked) ? asked : DEFAULT_ALLOWED_HEADERS,
        'access-control-max-age': String(PREFLIGHT_MAX_AGE_SECONDS),
        allow: ALLOWED_METHODS,
      },
    };
  }

  return { headers, preflight };
}

const HEADER_NAME_LIST = /^[A-Za-z0-9_, -]{1,1024}$/;

function isHeaderNameList(value: string | string[] | undefined): value is string {
  return typeof value === 'string' && HEADER_NAME_LIST.test(value);
}
