import { type CanonicalRequest, canonicalHeaders } from './canonical-request.ts';
import type { SignedShape } from './request-readings.ts';

/** A way to sign the request wrongly, and what to tell whoever did. */
interface Mistake {
  readonly says: string;
  readonly reading: CanonicalRequest;
}

const EMPTY_SHA256 = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855';
const METHODS = ['GET', 'HEAD', 'PUT', 'POST', 'DELETE'];
/** Proxies add, drop or rewrite them; most clients know and do not sign them. */
const FRAGILE_HEADERS = [
  'accept-encoding',
  'connection',
  'content-length',
  'expect',
  'te',
  'transfer-encoding',
  'user-agent',
  'via',
];

/**
 * Which part of the canonical request the client probably has otherwise: found by trying the mistakes clients and
 * proxies make, a bounded number of them, until `matches` says yes. One or two sentences.
 */
export function explainMismatch(
  shape: SignedShape,
  received: CanonicalRequest,
  matches: (reading: CanonicalRequest) => boolean,
): string {
  for (const { says, reading } of mistakes(shape, received)) {
    if (matches(reading)) return says;
  }
  const lost = shape.signedNames.filter((name) => shape.head.headers[name] === undefined);
  if (lost.length > 0) {
    return `Signed headers did not arrive: ${lost.join(', ')}. A proxy on the way may have removed them.`;
  }
  const fragile = shape.signedNames.filter((name) => FRAGILE_HEADERS.includes(name));
  if (fragile.length > 0) {
    return `It was made with headers that proxies change: ${fragile.join(', ')}. Do not sign them, or compare them with CanonicalRequest below.`;
  }
  return 'The secret access key may be another one; if it is not, compare CanonicalRequest below with the one your client made.';
}

function* mistakes(shape: SignedShape, received: CanonicalRequest): Generator<Mistake> {
  yield* otherPayloads(shape, received);
  yield* otherHosts(shape, received);
  yield* otherPaths(shape, received);
  yield* otherQueries(shape, received);
  for (const method of METHODS) {
    if (method === received.method) continue;
    yield {
      says: `It was made for the method ${method}, and the request came with ${received.method}.`,
      reading: { ...received, method },
    };
  }
}

function* otherPayloads({ head, signedNames }: SignedShape, received: CanonicalRequest): Generator<Mistake> {
  for (const payloadHash of ['UNSIGNED-PAYLOAD', EMPTY_SHA256, '']) {
    if (payloadHash === received.payloadHash) continue;
    const says = `It was made with "${payloadHash}" as the hash of the payload, and the request says "${received.payloadHash}" (x-amz-content-sha256).`;
    yield { says, reading: { ...received, payloadHash } };
    if (!signedNames.includes('x-amz-content-sha256')) continue;
    const headers = canonicalHeaders(head, signedNames, new Map([['x-amz-content-sha256', payloadHash]]));
    yield { says, reading: { ...received, payloadHash, headers } };
  }
}

function* otherHosts({ head, signedNames }: SignedShape, received: CanonicalRequest): Generator<Mistake> {
  const { host } = head.headers;
  if (typeof host !== 'string') return;
  const bare = host.replace(/:\d+$/, '');
  const hosts = [bare, `${bare}:80`, `${bare}:443`, `${bare}:8080`, `${bare}:9000`, host.toLowerCase()];
  for (const other of new Set(hosts)) {
    if (other === host) continue;
    yield {
      says: `It was made for the Host "${other}", and "${host}" arrived: a proxy changed it. Let the proxy pass the Host on, or set publicUrl.`,
      reading: { ...received, headers: canonicalHeaders(head, signedNames, new Map([['host', other]])) },
    };
  }
}

function* otherPaths({ head }: SignedShape, received: CanonicalRequest): Generator<Mistake> {
  const { path } = received;
  yield {
    says: 'It was made with the path percent-encoded twice; S3 has it encoded once.',
    reading: { ...received, path: path.replaceAll('%', '%25') },
  };
  yield {
    says: 'It was made with the path normalised; S3 keeps "//", "." and ".." as they are.',
    reading: { ...received, path: normalised(path) },
  };
  const second = path.indexOf('/', 1);
  if (second > 0) {
    yield {
      says: `It was made for the path without its first part, "${path.slice(0, second)}": a proxy added that part, or the client signs for virtual-host style and sends path style.`,
      reading: { ...received, path: path.slice(second) },
    };
  }
  const [bucket] = String(head.headers.host ?? '').split('.', 1);
  if (bucket) {
    yield {
      says: `It was made for path style ("/${bucket}" in the path), and sent in virtual-host style.`,
      reading: { ...received, path: `/${bucket}${path}` },
    };
  }
}

function* otherQueries(
  { head, signatureParameter }: SignedShape,
  received: CanonicalRequest,
): Generator<Mistake> {
  if (head.query === '') return;
  const sent = head.query
    .split('&')
    .filter((pair) => signatureParameter === undefined || !pair.startsWith(`${signatureParameter}=`));
  yield {
    says: 'It was made with the parameters of the query in the order they were sent; they must be sorted by name.',
    reading: { ...received, query: sent.map((pair) => (pair.includes('=') ? pair : `${pair}=`)).join('&') },
  };
  yield {
    says: 'It was made with the query as it was sent; every parameter needs a "=", and every byte but letters, digits and "-._~" percent-encoding.',
    reading: { ...received, query: sent.join('&') },
  };
  if (signatureParameter === undefined) {
    yield { says: 'It was made without the query of the request.', reading: { ...received, query: '' } };
  }
}

/** `.` and `..` resolved and runs of slashes made one, as URL libraries do. */
function normalised(path: string): string {
  const kept: string[] = [];
  const segments = path.split('/').filter((segment) => segment !== '' && segment !== '.');
  for (const segment of segments) {
    if (segment === '..') kept.pop();
    else kept.push(segment);
  }
  const isFolder = path.endsWith('/') && kept.length > 0;
  return `/${kept.join('/')}${isFolder ? '/' : ''}`;
}
