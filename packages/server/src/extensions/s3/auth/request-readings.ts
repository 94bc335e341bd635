import type { RequestHead } from '../../../http/protocol.ts';
import {
  type CanonicalRequest,
  canonicalHeaders,
  canonicalPath,
  canonicalQuery,
  recodedPath,
} from './canonical-request.ts';
import { otherPlaces, type ProxyRule, type SignedPlace } from './signed-places.ts';

/** A request and what of it its client says it signed. */
export interface SignedShape {
  readonly head: RequestHead;
  /** Lower case, sorted. */
  readonly signedNames: readonly string[];
  /** The value of the last line of the canonical request. */
  readonly payloadHash: string;
  /** The parameter of the query that holds the signature. */
  readonly signatureParameter?: string;
}

/** The request as it arrived. */
export function readAsReceived(shape: SignedShape, place?: SignedPlace): CanonicalRequest {
  const { head, signedNames, payloadHash, signatureParameter } = shape;
  const instead = place && new Map([['host', place.host]]);
  return {
    method: head.method,
    path: canonicalPath((place?.pathPrefix ?? '') + head.path),
    query: canonicalQuery(head.query, { omit: signatureParameter }),
    headers: canonicalHeaders(head, signedNames, instead),
    signedHeaders: signedNames.join(';'),
    payloadHash,
    encoding: 'latin1',
  };
}

/**
 * What else the client may have signed and still meant this very request: for the place it sent it to before a proxy
 * passed it on, and in the spellings clients disagree about. A bounded number, made one by one.
 */
export function* otherReadings(shape: SignedShape, rule: ProxyRule): Generator<CanonicalRequest> {
  const received = readAsReceived(shape);
  yield* otherSpellings(shape, received);
  for (const place of otherPlaces(shape.head, rule)) {
    const there = readAsReceived(shape, place);
    yield there;
    yield* otherSpellings(shape, there, place);
  }
}

function* otherSpellings(
  shape: SignedShape,
  reading: CanonicalRequest,
  place?: SignedPlace,
): Generator<CanonicalRequest> {
  const { head, signedNames, signatureParameter } = shape;
  for (const path of pathSpellings((place?.pathPrefix ?? '') + head.path)) {
    if (path !== reading.path) yield { ...reading, path };
  }
  if (head.query.includes('+')) {
    yield { ...reading, query: canonicalQuery(head.query, { omit: signatureParameter, plus: 'plus' }) };
  }
  // biome-ignore lint/suspicious/noControlCharactersInRegex: everything that is not ASCII
  if (/[^\x00-\x7f]/.test(reading.headers)) yield { ...reading, encoding: 'utf8' };
  // Content delivery networks write their own. It has no meaning here, so that nothing is lost by not believing it.
  if (signedNames.includes('accept-encoding')) {
    for (const sent of ['identity', 'gzip']) {
      const instead = new Map([['accept-encoding', sent]]);
      if (place !== undefined) instead.set('host', place.host);
      yield { ...reading, headers: canonicalHeaders(head, signedNames, instead) };
    }
  }
}

/** Clients sign a path as they send it, or decode and encode it again, and some do not encode slashes. */
function pathSpellings(rawPath: string): ReadonlySet<string> {
  const recoded = recodedPath(rawPath);
  return new Set([rawPath, recoded, recoded.replaceAll('%2F', '/')]);
}
