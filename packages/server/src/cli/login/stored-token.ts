import { isStoreError } from '@zot-artifact-store/spec';
import type { Environment } from '../../config/overrides.ts';
import { LoginFile } from './login-file.ts';

const BEFORE_EXPIRY_MS = 30_000;

/**
 * The access token that `zas login` got for a server, refreshed when it is about to expire; undefined when nobody logged in
 * there. Throws `unauthenticated` when the issuer ended the login, which is then forgotten.
 */
export async function storedToken(serverUrl: string, env: Environment): Promise<string | undefined> {
  const file = new LoginFile(env);
  const login = await file.get(serverUrl);
  if (login === undefined || isFresh(login)) return login?.accessToken;
  const { refreshLogin } = await import('./issuer-client.ts');
  let ended: unknown;
  const after = await file.update(serverUrl, async (now) => {
    // Another process may have been quicker.
    if (now === undefined || isFresh(now)) return now;
    try {
      return await refreshLogin(now);
    } catch (error) {
      if (!isStoreError(error, 'unauthenticated')) throw error;
      ended = error;
      return undefined;
    }
  });
  if (ended !== undefined) throw ended;
  return after?.accessToken;
}

function isFresh({ expiresAtMs }: { readonly expiresAtMs: number }): boolean {
  return expiresAtMs - BEFORE_EXPIRY_MS > Date.now();
}
