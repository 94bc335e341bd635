import type { Authentication, Authenticator } from '../../../../extension/contract.ts';
import type { RequestHead } from '../../../../http/protocol.ts';
import type { FailureLimiter } from '../failure-limiter.ts';
import { assertMayTry } from '../too-many-tries.ts';
import { looksLikeApiKey } from './api-key-secret.ts';
import type { ApiKeys } from './api-keys.ts';

export interface ApiKeyAuthenticatorDeps {
  readonly apiKeys: Pick<ApiKeys, 'verify'>;
  readonly limiter: FailureLimiter;
  clientAddress(head: RequestHead): string;
}

const BEARER = /^bearer +(\S+) *$/i;
/** Stands for the name that a wrong key does not tell. */
const NOBODY = '';

/** API keys as bearer tokens. As passwords they are the password authenticator's. */
export function apiKeyAuthenticator({
  apiKeys,
  limiter,
  clientAddress,
}: ApiKeyAuthenticatorDeps): Authenticator {
  return {
    async authenticate(head): Promise<Authentication> {
      const header = head.headers.authorization;
      const token = typeof header === 'string' ? BEARER.exec(header)?.[1] : undefined;
      if (token === undefined || !looksLikeApiKey(token)) return { outcome: 'abstain' };
      const address = clientAddress(head);
      assertMayTry(limiter, NOBODY, address);
      const principal = await apiKeys.verify(token, address);
      if (principal !== undefined) return { outcome: 'principal', principal };
      limiter.failed(NOBODY, address);
      return { outcome: 'refuse', message: 'The API key is wrong, expired or not for here.' };
    },
  };
}
