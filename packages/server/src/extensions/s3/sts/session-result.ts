import { isoSeconds } from '../auth/clock-skew.ts';
import { canonicalId } from '../owner.ts';
import type { XmlElement } from '../xml/write.ts';
import type { SessionCredentials } from './sessions.ts';

/** The `Credentials` of a result. */
export function credentialsElement(credentials: SessionCredentials): XmlElement {
  return {
    AccessKeyId: credentials.accessKeyId,
    SecretAccessKey: credentials.secretAccessKey,
    SessionToken: credentials.sessionToken,
    Expiration: isoSeconds(credentials.expiresAtMs),
  };
}

/** How a session is named: as at Amazon, without an account. */
export function sessionArn(role: string, name: string): string {
  return `arn:aws:sts:::assumed-role/${role}/${name}`;
}

export function sessionId(user: string, name: string): string {
  return `${canonicalId(user)}:${name}`;
}

export function assumedRoleUser(user: string, role: string, name: string): XmlElement {
  return { AssumedRoleId: sessionId(user, name), Arn: sessionArn(role, name) };
}
