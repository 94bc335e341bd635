import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import type { RequestHead } from '../http/protocol.ts';
import { apiEtag, assertUnchanged } from './api-etag.ts';

const shown = z.strictObject({ name: z.string() });
const current = { name: 'a' };
const etag = apiEtag('{"name":"a"}\n');

function head(headers: Readonly<Record<string, string>>): RequestHead {
  return {
    id: 'r',
    method: 'PUT',
    target: '/',
    path: '/',
    query: '',
    headers,
    rawHeaders: [],
    remoteAddress: '192.0.2.1',
  };
}

describe('A change with a condition', () => {
  it.each<[what: string, headers: Record<string, string>, now: unknown]>([
    ['no condition', {}, current],
    ['the tag of what is there', { 'if-match': etag }, current],
    ['one of several tags', { 'if-match': `"other", ${etag}` }, current],
    ['a star, and it is there', { 'if-match': '*' }, current],
    ['it is not to be there, and is not', { 'if-none-match': '*' }, undefined],
  ])('goes on: %s', (_what, headers, now) => {
    expect(() => assertUnchanged(head(headers), shown, now)).not.toThrow();
  });

  it.each<[what: string, headers: Record<string, string>, now: unknown]>([
    ['another tag', { 'if-match': '"other"' }, current],
    ['a weak tag', { 'if-match': `W/${etag}` }, current],
    ['a tag of what is gone', { 'if-match': etag }, undefined],
    ['a star, and it is gone', { 'if-match': '*' }, undefined],
    ['it is not to be there, and is', { 'if-none-match': '*' }, current],
  ])('is refused: %s', (_what, headers, now) => {
    expect(() => assertUnchanged(head(headers), shown, now)).toThrowError(
      expect.objectContaining({ kind: 'precondition-failed' }),
    );
  });
});
