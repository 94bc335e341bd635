import { describe, expect, it } from 'vitest';
import { headerOf, type Response, ResponseReader } from './response-reader.ts';

function read(pieces: readonly string[], expected = { isHead: false, keepBody: true }): Response[] {
  const responses: Response[] = [];
  const reader = new ResponseReader((response) => responses.push(response));
  reader.expect(expected);
  for (const piece of pieces) reader.push(Buffer.from(piece));
  return responses;
}

const SIZED = 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\nLocation: /here\r\n\r\nhello';
const CHUNKED =
  'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nTrailer: 1\r\n\r\n';

describe('ResponseReader', () => {
  it('reads a body of announced length', () => {
    const [response] = read([SIZED]);
    expect(response).toMatchObject({ status: 200, bodyBytes: 5 });
    expect(response?.body?.toString()).toBe('hello');
  });

  it('reads a chunked body and counts what is in the chunks', () => {
    const [response] = read([CHUNKED]);
    expect(response?.bodyBytes).toBe(5);
    expect(response?.body?.toString()).toBe('abcde');
  });

  for (const [kind, text] of [
    ['a sized', SIZED],
    ['a chunked', CHUNKED],
  ] as const) {
    it(`reads ${kind} response however it is cut`, () => {
      for (let cut = 1; cut < text.length; cut++) {
        const responses = read([text.slice(0, cut), text.slice(cut)]);
        expect(responses.map(({ bodyBytes }) => bodyBytes)).toEqual([5]);
      }
      expect(read(text.split(''))).toHaveLength(1);
    });
  }

  it('expects no body after HEAD, whatever length is announced', () => {
    const responses = read([SIZED.replace('hello', '')], { isHead: true, keepBody: false });
    expect(responses).toMatchObject([{ bodyBytes: 0, body: undefined }]);
  });

  it('passes over interim responses', () => {
    expect(read(['HTTP/1.1 100 Continue\r\n\r\n', SIZED])).toMatchObject([{ status: 200 }]);
  });

  it('refuses what is not HTTP, and a response without length', () => {
    expect(() => read(['SSH-2.0-x\r\n\r\n'])).toThrow('not a response');
    expect(() => read(['HTTP/1.1 200 OK\r\n\r\n'])).toThrow('without length');
  });
});

describe('headerOf', () => {
  it('finds a header by its lower-case name only', () => {
    const head = 'HTTP/1.1 202 Accepted\r\nX-Location: no\r\nLocation:  /v2/x \r\nA: b';
    expect(headerOf(head, 'location')).toBe('/v2/x');
    expect(headerOf(head, 'a')).toBe('b');
    expect(headerOf(head, 'locatio')).toBeUndefined();
  });
});
