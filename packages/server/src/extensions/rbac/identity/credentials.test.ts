import { describe, expect, it } from 'vitest';
import type { RequestHead } from '../../../http/protocol.ts';
import { readCredentials } from './credentials.ts';

function head(...authorizations: string[]): RequestHead {
  return {
    id: '1',
    method: 'GET',
    target: '/v2/',
    path: '/v2/',
    query: '',
    headers: authorizations[0] === undefined ? {} : { authorization: authorizations[0] },
    rawHeaders: authorizations.flatMap((value) => ['Authorization', value]),
    remoteAddress: '192.0.2.1',
  };
}

function basic(text: string): string {
  return `Basic ${Buffer.from(text).toString('base64')}`;
}

describe('readCredentials', () => {
  it('takes the user up to the first colon and the password after it, in UTF-8', () => {
    expect(readCredentials(head(basic('alice:a:b:ü')))).toEqual({
      kind: 'basic',
      user: 'alice',
      password: 'a:b:ü',
    });
    expect(readCredentials(head(basic('alice:').replace('Basic', 'bAsIc')))).toEqual({
      kind: 'basic',
      user: 'alice',
      password: '',
    });
  });

  it('takes no header, and empty credentials, for no credentials', () => {
    expect(readCredentials(head()).kind).toBe('none');
    expect(readCredentials(head('Basic Og==')).kind).toBe('none');
  });

  it('leaves other schemes to others', () => {
    expect(readCredentials(head('Bearer abc')).kind).toBe('foreign');
    expect(readCredentials(head('Basically abc')).kind).toBe('foreign');
  });

  it.each([
    ['no base64', 'Basic !!!'],
    ['nothing after the scheme', 'Basic'],
    ['no colon', basic('alice')],
    ['no user', basic(':secret')],
    ['control characters', basic('alice:a\0b')],
    ['bytes that are not UTF-8', `Basic ${Buffer.from([0x61, 0x3a, 0xff]).toString('base64')}`],
    ['more than anybody needs', basic(`alice:${'x'.repeat(13_000)}`)],
  ])('calls %s malformed', (_what, header) => {
    expect(readCredentials(head(header)).kind).toBe('malformed');
  });

  it('calls two Authorization headers malformed', () => {
    expect(readCredentials(head(basic('a:b'), basic('c:d'))).kind).toBe('malformed');
  });
});
