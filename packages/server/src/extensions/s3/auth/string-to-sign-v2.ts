import type { RequestHead } from '../../../http/protocol.ts';
import type { S3Query } from '../query.ts';
import { headerOf } from './header-of.ts';

/** What clients agree belongs into the resource that is signed, and what only some of them count in. */
const SUB_RESOURCES: ReadonlySet<string> = new Set([
  'accelerate',
  'acl',
  'analytics',
  'cors',
  'defaultObjectAcl',
  'delete',
  'inventory',
  'lifecycle',
  'location',
  'logging',
  'metrics',
  'notification',
  'object-lock',
  'partNumber',
  'policy',
  'replication',
  'requestPayment',
  'response-cache-control',
  'response-content-disposition',
  'response-content-encoding',
  'response-content-language',
  'response-content-type',
  'response-expires',
  'restore',
  'select',
  'select-type',
  'storageClass',
  'tagging',
  'torrent',
  'uploadId',
  'uploads',
  'versionId',
  'versioning',
  'versions',
  'website',
]);
const DISPUTED: ReadonlySet<string> = new Set([
  'attributes',
  'encryption',
  'legal-hold',
  'ownershipControls',
  'policyStatus',
  'publicAccessBlock',
  'retention',
]);

export interface ShapeV2 {
  readonly head: RequestHead;
  readonly query: S3Query;
  /** The line of the date: the `Date` header, nothing beside an `x-amz-date`, or when a URL expires. */
  readonly dateLine: string;
  /** The bucket in the Host, where it stands there. */
  readonly hostBucket: string | undefined;
}

interface Reading {
  /** `x-amz-` parameters count as headers, as those do that a client moved into a URL it signed. */
  readonly withQueryHeaders: boolean;
  readonly withDisputed: boolean;
  /** A bucket in the path ends in a slash, whether one was sent or not. */
  readonly withBucketSlash: boolean;
}

const BUCKET_PATH = /^\/[^/]+$/;

/**
 * What a client may have signed ("Signing and authenticating REST requests", signature version 2), most likely first,
 * each byte as one latin1 character. The version has no test suite, and its clients differ in these points.
 */
export function* stringsToSignV2(shape: ShapeV2): Generator<string> {
  const names = [...shape.query.keys()];
  const hasDisputed = names.some((name) => DISPUTED.has(name));
  for (const withQueryHeaders of queryReadings(names)) {
    for (const withDisputed of hasDisputed ? [false, true] : [false]) {
      for (const withBucketSlash of BUCKET_PATH.test(shape.head.path) ? [false, true] : [false]) {
        yield stringToSign(shape, { withQueryHeaders, withDisputed, withBucketSlash });
      }
    }
  }
}

function stringToSign(shape: ShapeV2, reading: Reading): string {
  const { head, query, dateLine } = shape;
  const line = (name: string): string =>
    headerOf(head, name) ?? (reading.withQueryHeaders ? latin1(parameter(query, name) ?? '') : '');
  return [
    head.method,
    line('content-md5'),
    line('content-type'),
    dateLine,
    amzHeaders(shape, reading) + resource(shape, reading),
  ].join('\n');
}

function amzHeaders({ head, query }: ShapeV2, { withQueryHeaders }: Reading): string {
  const values = new Map<string, string>();
  const add = (name: string, value: string): void => {
    if (!name.startsWith('x-amz-')) return;
    const before = values.get(name);
    values.set(name, before === undefined ? value : `${before},${value}`);
  };
  for (let index = 0; index < head.rawHeaders.length; index += 2) {
    add((head.rawHeaders[index] ?? '').toLowerCase(), (head.rawHeaders[index + 1] ?? '').trim());
  }
  if (withQueryHeaders) {
    for (const [name, value] of query) {
      if (!values.has(name.toLowerCase())) add(name.toLowerCase(), latin1(value).trim());
    }
  }
  return [...values.keys()]
    .sort()
    .map((name) => `${name}:${values.get(name)}\n`)
    .join('');
}

function resource({ head, hostBucket }: ShapeV2, { withDisputed, withBucketSlash }: Reading): string {
  const plain = hostBucket === undefined ? head.path : `/${hostBucket}${head.path}`;
  const path = withBucketSlash ? `${plain}/` : plain;
  const pairs: (readonly [name: string, text: string])[] = [];
  for (const pair of head.query.split('&')) {
    const equals = pair.indexOf('=');
    const name = decodeBytes(equals < 0 ? pair : pair.slice(0, equals));
    if (!SUB_RESOURCES.has(name) && !(withDisputed && DISPUTED.has(name))) continue;
    const value = equals < 0 ? '' : decodeBytes(pair.slice(equals + 1));
    pairs.push([name, value === '' ? name : `${name}=${value}`]);
  }
  if (pairs.length === 0) return path;
  pairs.sort(([left], [right]) => (left < right ? -1 : Number(left > right)));
  return `${path}?${pairs.map(([, text]) => text).join('&')}`;
}

/** `x-amz-` parameters have the effect of headers, so that they must be signed as such. */
function queryReadings(names: readonly string[]): readonly boolean[] {
  const lower = names.map((name) => name.toLowerCase());
  if (lower.some((name) => name.startsWith('x-amz-'))) return [true];
  return lower.includes('content-type') || lower.includes('content-md5') ? [true, false] : [false];
}

function parameter(query: S3Query, lowerCaseName: string): string | undefined {
  for (const [name, value] of query) if (name.toLowerCase() === lowerCaseName) return value;
  return undefined;
}

/** Percent-decoded to bytes, one latin1 character each; `+` stays. */
function decodeBytes(text: string): string {
  return text.replace(/%([0-9A-Fa-f]{2})/g, (_, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  );
}

function latin1(text: string): string {
  return Buffer.from(text, 'utf8').toString('latin1');
}
