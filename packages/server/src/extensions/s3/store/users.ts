import type { MetadataStore } from '../../../metadata/metadata-store.ts';
import type { Transaction } from '../../../metadata/transaction.ts';
import { canonicalId } from '../owner.ts';
import { s3Keys } from './keyspace.ts';
import type { CanonicalId, UserName } from './records.ts';

/** Lets the user be found by canonical id: everyone who has a key or a bucket can be. */
export function rememberUser(transaction: Transaction, user: UserName): void {
  transaction.put(s3Keys.userOfId(canonicalId(user)), Buffer.from(user));
}

export interface Users {
  byId(id: CanonicalId): Promise<UserName | undefined>;
}

/** `known` users need no key of their own: root. */
export function createUsers(metadata: MetadataStore, known: readonly UserName[]): Users {
  const ids = new Map(known.map((user) => [canonicalId(user), user]));
  return {
    async byId(id) {
      const user = ids.get(id);
      if (user !== undefined) return user;
      const row = await metadata.get(s3Keys.userOfId(id));
      return row && Buffer.from(row).toString();
    },
  };
}
