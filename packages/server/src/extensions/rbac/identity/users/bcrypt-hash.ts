import { StoreError } from '@zot-artifact-store/spec';
import bcrypt from 'bcrypt';
import { parseHtpasswd } from '../password/htpasswd.ts';

const COST = 12;
const MIN_CHARS = 8;
/** bcrypt looks at no more, and two passwords that differ after it would be one. */
const MAX_BYTES = 72;

/** Throws `argument-invalid` for what is too short, or longer than bcrypt reads. */
export async function hashPassword(password: string): Promise<string> {
  if (password.length < MIN_CHARS) {
    throw new StoreError('argument-invalid', `a password has ${MIN_CHARS} characters or more`);
  }
  if (Buffer.byteLength(password) > MAX_BYTES || password.includes('\0')) {
    throw new StoreError('argument-invalid', `a password has ${MAX_BYTES} bytes at most, and no NUL`);
  }
  return bcrypt.hash(password, COST);
}

/** The hash as the checker takes it, or why it cannot be one; as in a line of an htpasswd file. */
export function readPasswordHash(
  hash: string,
): { readonly ok: true; readonly hash: string } | { readonly ok: false; readonly problem: string } {
  const parsed = /[\r\n]/.test(hash) ? undefined : parseHtpasswd(`u:${hash}`);
  const read = parsed?.ok ? parsed.file.hashes.get('u') : undefined;
  if (read !== undefined) return { ok: true, hash: read };
  return {
    ok: false,
    problem: 'must be a bcrypt hash of cost 4 to 16 or a SHA-crypt hash, as "htpasswd -nB" makes them',
  };
}
