import { StoreError } from '@zot-artifact-store/spec';
import type { Environment } from '../../config/overrides.ts';

const DEFAULT_SERVER = 'http://127.0.0.1:8080';

/** Whether a server was named, by `--server` or ZAS_SERVER, rather than left to the default. */
export function isServerNamed(given: string | undefined, env: Environment): boolean {
  return given !== undefined || (env.ZAS_SERVER ?? '') !== '';
}

/**
 * The server a command talks to: `--server`, ZAS_SERVER, or the port `zas serve` takes by default. Without a slash at
 * the end; it may have a path. Throws `argument-invalid`.
 */
export function serverUrl(given: string | undefined, env: Environment): string {
  const text = given ?? (env.ZAS_SERVER || DEFAULT_SERVER);
  const url = URL.parse(text);
  if (url === null || !/^https?:$/.test(url.protocol) || url.search !== '' || url.hash !== '') {
    throw new StoreError('argument-invalid', `"${text}" is not a server; write it as ${DEFAULT_SERVER}.`);
  }
  if (url.username !== '' || url.password !== '') {
    throw new StoreError(
      'argument-invalid',
      'A server is named without a user; say who you are with ZAS_USER and ZAS_PASSWORD, or with ZAS_TOKEN.',
    );
  }
  return url.href.replace(/\/+$/, '');
}
