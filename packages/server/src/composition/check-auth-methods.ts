import pino from 'pino';
import type { Config } from '../config/config.ts';
import { BindCredentialsFile } from '../extensions/rbac/identity/ldap/bind-credentials.ts';
import { CertificateIdentity } from '../extensions/rbac/identity/mtls/certificate-identity.ts';
import { readVerificationKey } from '../extensions/rbac/identity/tokens/token-server.ts';

/** What of `http.auth.ldap`, `bearer` and `mtls` only those who use it can judge, each in a sentence with its place. */
export async function checkAuthMethods({ access }: Config): Promise<readonly string[]> {
  const { ldap, tokenServer, clientCertificates } = access;
  const problems: string[] = [];
  const attempt = async (problem: (why: string) => string, work: () => unknown): Promise<void> => {
    try {
      await work();
    } catch (error) {
      problems.push(problem(error instanceof Error ? error.message : String(error)));
    }
  };
  if (ldap?.userFilter !== undefined) {
    const { parseUserFilter } = await import('../extensions/rbac/identity/ldap/user-filter.ts');
    const { userFilter } = ldap;
    await attempt(
      (why) => `http.auth.ldap.userFilter is no filter of LDAP such as "(objectClass=person)": ${why}`,
      () => parseUserFilter(userFilter),
    );
  }
  if (ldap?.credentialsPath !== undefined) {
    const file = new BindCredentialsFile(ldap.credentialsPath, pino({ level: 'silent' }));
    await attempt(
      (why) => `http.auth.ldap.credentialsFile: ${why}`,
      () => file.current(),
    );
  }
  if (tokenServer !== undefined) {
    await attempt(
      (why) => `http.auth.bearer.cert: ${why}`,
      () => readVerificationKey(tokenServer.certPath),
    );
  }
  if (clientCertificates !== undefined) {
    await attempt(
      (why) => `http.auth.mtls.uriSanPattern is no pattern of RE2: ${why}`,
      () => new CertificateIdentity(clientCertificates),
    );
  }
  return problems;
}
