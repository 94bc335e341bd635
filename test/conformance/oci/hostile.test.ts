import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type RunningRegistry, startRegistry } from './start-registry.ts';
import { digestOf, json, TYPE, Wire } from './wire.ts';

const DIGEST = digestOf('x');
const LONG = 'a'.repeat(10_000);
const CODES = new Set([
  'BLOB_UNKNOWN',
  'BLOB_UPLOAD_INVALID',
  'BLOB_UPLOAD_UNKNOWN',
  'DIGEST_INVALID',
  'MANIFEST_BLOB_UNKNOWN',
  'MANIFEST_INVALID',
  'MANIFEST_UNKNOWN',
  'NAME_INVALID',
  'NAME_UNKNOWN',
  'SIZE_INVALID',
  'UNAUTHORIZED',
  'DENIED',
  'UNSUPPORTED',
  'TOOMANYREQUESTS',
]);

let server: RunningRegistry;
let wire: Wire;
beforeAll(async () => {
  server = await startRegistry();
  wire = new Wire(server.url);
});
afterAll(() => server.close());

describe('a hostile request', () => {
  const names = ['A', '..', '.', 'a..b', 'a/../b', '%2e%2e', 'a%2Fb', 'a%00b', 'a%0d%0ab', '%', '%zz', '%ff'];
  const longNames = [
    `${LONG}!`,
    LONG,
    'a/'.repeat(5_000).slice(0, -1),
    'a-'.repeat(5_000),
    '%61'.repeat(3_000),
  ];
  const references = [
    '.x',
    'a%20b',
    'a%2Fb',
    '..%2f..%2fetc',
    'sha256:x',
    `sha256:${LONG}`,
    `${LONG}`,
    ':',
    '%00',
  ];
  const queries = [
    `digest=${LONG}`,
    'digest=sha256:',
    'digest=%ff',
    'mount=x',
    `mount=${DIGEST}&from=..`,
    `mount=${DIGEST}&from=${LONG}!`,
    'from=a',
    'digest-algorithm=__proto__',
    `${'a=1&'.repeat(200)}digest=${DIGEST}`,
  ];
  const requests: readonly (readonly [string, string])[] = [
    ...[...names, ...longNames].flatMap((name) => [
      ['GET', `/v2/${name}/manifests/v1`] as const,
      ['PUT', `/v2/${name}/manifests/v1`] as const,
      ['POST', `/v2/${name}/blobs/uploads/`] as const,
      ['POST', `/v2/${name}/blobs/uploads/?digest=${DIGEST}`] as const,
      ['GET', `/v2/${name}/tags/list`] as const,
      ['GET', `/v2/${name}/referrers/${DIGEST}`] as const,
      ['DELETE', `/v2/${name}/blobs/${DIGEST}`] as const,
    ]),
    ...references.flatMap((reference) => [
      ['GET', `/v2/a/manifests/${reference}`] as const,
      ['PUT', `/v2/a/manifests/${reference}`] as const,
      ['DELETE', `/v2/a/manifests/${reference}`] as const,
      ['GET', `/v2/a/blobs/${reference}`] as const,
      ['GET', `/v2/a/referrers/${reference}`] as const,
      ['PATCH', `/v2/a/blobs/uploads/${reference}`] as const,
      ['PUT', `/v2/a/blobs/uploads/${reference}?digest=${DIGEST}`] as const,
    ]),
    ...queries.map((query) => ['POST', `/v2/a/blobs/uploads/?${query}`] as const),
    ['GET', '/v2/a'],
    ['GET', '/v2//'],
    ['GET', '/v2/_catalogue'],
    ['GET', '/v2/a/manifests/v1/extra'],
    ['PATCH', '/v2/a/manifests/v1'],
    ['POST', '/v2/a/tags/list'],
  ];

  it('gets a 4xx with the body of the spec, and creates nothing', async () => {
    const body = JSON.stringify({ schemaVersion: 2, mediaType: TYPE.index, manifests: [] });
    for (const [method, target] of requests) {
      const answer = await wire.send(method, target, {
        headers: { 'content-type': method === 'PUT' ? TYPE.index : 'application/octet-stream' },
        ...(method === 'GET' ? {} : { body }),
      });
      const context = `${method} ${target.slice(0, 100)} -> ${answer.status} ${answer.body}`;
      expect(answer.status, context).toBeGreaterThanOrEqual(400);
      expect(answer.status, context).toBeLessThan(500);
      const errors = json(answer).errors as readonly { readonly code: string }[];
      expect(errors, context).toHaveLength(1);
      expect(CODES.has(errors[0]?.code ?? ''), context).toBe(true);
      expect(answer.body.length, context).toBeLessThan(1500);
    }
    expect(json(await wire.get('/v2/_catalog'))).toEqual({ repositories: [] });
  });

  it.each([
    ['if-match', '"'],
    ['if-none-match', 'a"b'],
    ['range', 'bytes='],
    ['range', `bytes=${'0-0,'.repeat(2_000)}`],
    ['content-range', '-'],
    ['content-type', '\u00ff/\u00ff'],
    ['accept', '*/*;q=nonsense'],
    ['authorization', 'Basic'],
  ])('with %s: %.40s is never a server error', async (name, value) => {
    await wire.pushBlob('headers/a', 'x');
    const headers = { [name]: value };
    for (const [method, path] of [
      ['GET', `/v2/headers/a/blobs/${DIGEST}`],
      ['GET', '/v2/headers/a/manifests/v1'],
      ['PUT', '/v2/headers/a/manifests/v1'],
      ['POST', '/v2/headers/a/blobs/uploads/'],
    ] as const) {
      const answer = await wire.send(method, path, { headers, ...(method === 'GET' ? {} : { body: 'x' }) });
      expect(answer.status).toBeLessThan(500);
    }
  });
});
