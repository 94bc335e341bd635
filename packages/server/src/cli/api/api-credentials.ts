import { StoreError } from '@zot-artifact-store/spec';
import type { Environment } from '../../config/overrides.ts';

const DEFAULT_ROOT = 'root';

/**
 * The `Authorization` that the environment gives: ZAS_TOKEN (an API key or a token), ZAS_USER with ZAS_PASSWORD, or
 * ZAS_ROOT_PASSWORD with ZAS_ROOT_USER. Undefined when it gives none. Throws `argument-invalid` for half of a pair.
 */
export function credentialsOf(env: Environment): string | undefined {
  const { ZAS_TOKEN, ZAS_USER, ZAS_PASSWORD, ZAS_ROOT_USER, ZAS_ROOT_PASSWORD } = env;
  if (ZAS_TOKEN) {
    if (/^[\x21-\x7e]+$/.test(ZAS_TOKEN)) return `Bearer ${ZAS_TOKEN}`;
    throw new StoreError(
      'argument-invalid',
      'ZAS_TOKEN holds what no token has: a blank or a control character.',
    );
  }
  if (ZAS_USER || ZAS_PASSWORD) {
    if (!ZAS_USER || !ZAS_PASSWORD) {
      throw new StoreError(
        'argument-invalid',
        'ZAS_USER and ZAS_PASSWORD go together; one of them is missing.',
      );
    }
    return basic(ZAS_USER, ZAS_PASSWORD);
  }
  return ZAS_ROOT_PASSWORD ? basic(ZAS_ROOT_USER || DEFAULT_ROOT, ZAS_ROOT_PASSWORD) : undefined;
}

function basic(user: string, password: string): string {
  if (user.includes(':'))
    throw new StoreError('argument-invalid', `"${user}" is no user name: it has a colon.`);
  return `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;
}
