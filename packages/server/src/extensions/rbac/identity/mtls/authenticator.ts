import type { Logger } from 'pino';
import type { Authentication, Authenticator } from '../../../../extension/contract.ts';
import type { UserDirectory } from '../users/user-directory.ts';
import type { CertificateIdentity } from './certificate-identity.ts';
import { certificateNames } from './certificate-names.ts';

export interface CertificateAuthenticatorDeps {
  readonly identity: CertificateIdentity;
  readonly directory: Pick<UserDirectory, 'admit'>;
  readonly log: Logger;
}

const ABSTAIN: Authentication = { outcome: 'abstain' };

/**
 * The user a verified client certificate names. It counts where a request has no other credentials: whoever sends a
 * password or a token means that one.
 */
export function certificateAuthenticator({
  identity,
  directory,
  log,
}: CertificateAuthenticatorDeps): Authenticator {
  return {
    async authenticate(head): Promise<Authentication> {
      const der = head.tls?.clientCertificate?.raw;
      if (head.headers.authorization !== undefined || !Buffer.isBuffer(der)) return ABSTAIN;
      const names = certificateNames(der);
      const wantedName = identity.nameOf(names);
      if (wantedName === undefined) {
        log.debug({ subject: names.subject }, 'a client certificate names no user');
        return ABSTAIN;
      }
      const { name, groups } = await directory.admit({ wantedName, source: 'mtls' });
      return {
        outcome: 'principal',
        principal: { kind: 'user', name, groups, via: 'mtls', isRoot: false },
      };
    },
  };
}
