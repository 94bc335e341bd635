import { describe, expect, it } from 'vitest';
import { createCors } from './cors.ts';
import type { RequestHead } from './protocol.ts';

const UI = 'https://ui.example';

function head(method: string, path: string, headers: Readonly<Record<string, string>>): RequestHead {
  return { id: '1', method, target: path, path, query: '', headers, rawHeaders: [], remoteAddress: '' };
}

describe('CORS', () => {
  it('is nothing unless an origin is allowed', () => {
    expect(createCors({ allowOrigins: [] })).toBeUndefined();
    expect(createCors({ allowOrigins: [' ', ''] })).toBeUndefined();
  });

  it('lets an allowed origin use credentials and read the headers of the API, and tells no other', () => {
    const cors = createCors({ allowOrigins: [UI] });
    expect(cors?.headers(head('GET', '/v2/', { origin: UI }))).toMatchObject({
      'access-control-allow-origin': UI,
      'access-control-allow-credentials': 'true',
      'access-control-expose-headers': expect.stringContaining('Docker-Content-Digest'),
      vary: 'Origin',
    });
    // What a cache keeps of these must not be given to the allowed origin.
    const others = { vary: 'Origin' };
    expect(cors?.headers(head('GET', '/v2/', { origin: 'https://evil.example' }))).toEqual(others);
    expect(cors?.headers(head('GET', '/v2/', {}))).toEqual(others);
  });

  it('tells every request the same where every origin may read', () => {
    const cors = createCors({ allowOrigins: ['*'] });
    const told = cors?.headers(head('GET', '/v2/', { origin: UI }));
    expect(told).not.toHaveProperty('vary');
    expect(cors?.headers(head('GET', '/v2/', {}))).toEqual(told);
  });

  it('never lets every origin use credentials', () => {
    const found = createCors({ allowOrigins: ['*'] })?.headers(head('GET', '/v2/', { origin: UI }));
    expect(found).toMatchObject({ 'access-control-allow-origin': '*' });
    expect(found).not.toHaveProperty('access-control-allow-credentials');
  });

  it('covers the paths of the API alone', () => {
    const cors = createCors({ allowOrigins: ['*'] });
    expect(cors?.headers(head('GET', '/livez', { origin: UI }))).toBeUndefined();
  });

  it('answers the preflight of an allowed origin, and takes an OPTIONS without one for a request', () => {
    const cors = createCors({ allowOrigins: [UI] });
    const preflight = (headers: Readonly<Record<string, string>>) =>
      cors?.preflight(head('OPTIONS', '/v2/a/manifests/v1', headers));
    const asked = { origin: UI, 'access-control-request-method': 'PUT' };
    expect(preflight({ ...asked, 'access-control-request-headers': 'content-type, x-own' })).toMatchObject({
      status: 204,
      headers: { 'access-control-allow-headers': 'content-type, x-own' },
    });
    expect(
      preflight({ ...asked, 'access-control-request-headers': 'a\r\nset-cookie: b' })?.headers,
    ).toMatchObject({
      'access-control-allow-headers': expect.stringContaining('Authorization'),
    });
    expect(preflight({ origin: UI })).toBeUndefined();
    expect(preflight({ ...asked, origin: 'https://evil.example' })).toBeUndefined();
  });
});
