import { StoreError } from '@zot-artifact-store/spec';
import type { Claims } from '../oidc/claims.ts';
import type { Provider } from '../oidc/provider.ts';
import type { LoginState } from './login-state.ts';

/** What a provider vouches for at the end of a login. */
export interface FinishedLogin {
  readonly issuer: string;
  readonly subject: string;
  /** The provider's own session, where it names one. */
  readonly sessionId: string | undefined;
  readonly claims: Claims;
  readonly idToken?: string;
}

/** This server as a client of one provider, in the authorization code flow with PKCE (RFC 7636). */
export interface LoginClient {
  readonly provider: Provider;
  readonly clientId: string;
  /** Where the browser goes to log in, and what must come back. Throws `unavailable` when the provider does not answer. */
  begin(
    redirectUri: string,
  ): Promise<{ readonly url: URL } & Pick<LoginState, 'state' | 'nonce' | 'codeVerifier'>>;
  /**
   * Trades the code for tokens and checks what they say. Throws `unauthenticated` when the provider or the user said no, or
   * what came back does not fit what was begun.
   */
  finish(current: URL, state: LoginState): Promise<FinishedLogin>;
  /** Where the browser ends its login at the provider too; undefined when there is no such place. */
  endSessionUrl(back: string, idToken: string | undefined): Promise<string | undefined>;
}

export function loginFailed(what: string, cause?: unknown): StoreError {
  return new StoreError('unauthenticated', `The login failed: the provider ${what}.`, { cause });
}
