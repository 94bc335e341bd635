import { recordCodec } from '../../../../metadata/record.ts';
import type { Subject } from './user-keys.ts';

/** Who vouches for a user: this store itself (`local`), or somebody outside. */
export const USER_SOURCES = ['local', 'htpasswd', 'ldap', 'oidc', 'mtls', 'token-server'] as const;
export type UserSource = (typeof USER_SOURCES)[number];

export interface UserRecord {
  readonly source: UserSource;
  /** Set at the first login, for sources that have one. */
  readonly subject?: Subject;
  readonly description: string;
  /** bcrypt; only local users have one. */
  readonly passwordHash?: string;
  readonly isDisabled: boolean;
  readonly createdAtMs: number;
  readonly lastSeenAtMs?: number;
  /** Keys and tokens that were made earlier are void. */
  readonly credentialsSinceMs: number;
  /** A user that was deleted: nobody, until somebody of that name comes again. */
  readonly deletedAtMs?: number;
}

export const userCodec = recordCodec<UserRecord>('user', 1);

export interface GroupRecord {
  readonly description: string;
  readonly createdAtMs: number;
}

export const groupCodec = recordCodec<GroupRecord>('group', 1);

/** The value of a row that is all in its key. */
export const NOTHING = new Uint8Array([0]);
