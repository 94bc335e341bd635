import { MAX_KEY_BYTES } from '../object-key.ts';
import { invalidArgument } from './list-query.ts';

const MARK = '1';

/** Opaque to clients: where the next page begins, after this key or common prefix. */
export function makeToken(after: string): string {
  return Buffer.from(MARK + after).toString('base64url');
}

/** The empty token is the beginning. Throws InvalidArgument for what `makeToken` did not make. */
export function readToken(token: string): string {
  if (token === '') return '';
  const text = Buffer.from(token, 'base64url').toString();
  const after = text.slice(MARK.length);
  if (text.startsWith(MARK) && makeToken(after) === token && isKeyText(after)) return after;
  throw invalidArgument('continuation-token', token, 'The continuation token provided is incorrect');
}

function isKeyText(text: string): boolean {
  return Buffer.byteLength(text) <= MAX_KEY_BYTES && !text.includes('\0');
}
