import { hash } from 'node:crypto';
import type { UserPrincipal } from '../../../extension/access.ts';
import type { RequestContext, RequestHead } from '../../../http/protocol.ts';
import type { TemporaryCredential } from '../auth/credentials.ts';
import { headerOf } from '../auth/header-of.ts';
import { verifyAuthorizationV4 } from '../auth/header-v4.ts';
import { ALGORITHM_V4 } from '../auth/signature-v4.ts';
import type { StsDeps } from './deps.ts';
import { StsError } from './sts-error.ts';

/** Who signed a request, and the session it was signed in, if it was one. */
export interface Caller {
  readonly principal: UserPrincipal;
  readonly session: Pick<TemporaryCredential, 'session' | 'expiresAtMs'> | undefined;
}

/**
 * Verifies the signature of a request (version 4 in the header, for the service `sts`). Throws MissingAuthenticationToken
 * without one, and what is wrong with it.
 */
export async function signedBy(
  context: Pick<RequestContext, 'head' | 'authorizeAs'>,
  body: Uint8Array,
  { signatures, root }: StsDeps,
): Promise<Caller> {
  const { head } = context;
  const authorization = headerOf(head, 'authorization') ?? '';
  if (!authorization.startsWith(`${ALGORITHM_V4} `)) {
    throw new StsError(
      'MissingAuthenticationToken',
      `Request is missing a signature: sign it with ${ALGORITHM_V4} in the Authorization header.`,
    );
  }
  const components = authorization.slice(ALGORITHM_V4.length);
  const payloadHash = statedHash(head, body);
  const address = signatures.clientAddress(head);
  const { credential } = await signatures.rootGuesses.watch(root.user, address, () =>
    verifyAuthorizationV4(head, components, { deps: signatures, service: 'sts', payloadHash }),
  );
  const { principal } = credential;
  await context.authorizeAs(principal, []);
  return { principal, session: isTemporary(credential) ? credential : undefined };
}

/** The hash of the body; of some clients a header says it, too. Throws SignatureDoesNotMatch when that is another. */
function statedHash(head: RequestHead, body: Uint8Array): string {
  const computed = hash('sha256', body, 'hex');
  const stated = headerOf(head, 'x-amz-content-sha256');
  if (stated === undefined || stated.toLowerCase() === computed) return computed;
  throw new StsError('SignatureDoesNotMatch', 'x-amz-content-sha256 is not the hash of the body.');
}

function isTemporary(credential: object): credential is TemporaryCredential {
  return 'session' in credential;
}
