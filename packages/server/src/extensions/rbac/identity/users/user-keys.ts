import { createHash } from 'node:crypto';
import { extensionKey } from '../../../../extension/keyspace.ts';
import type { Key } from '../../../../metadata/metadata-store.ts';

/** An identity outside: who vouches for it, and what it is called there for ever. */
export interface Subject {
  readonly issuer: string;
  readonly id: string;
}

/** Where the directory of users keeps what. */
export const userKeys = {
  users: (): Key => extensionKey('rbac', 'user'),
  user: (name: string): Key => extensionKey('rbac', 'user', name),
  /** There once a user of the directory was given a password. */
  havePasswords: (): Key => extensionKey('rbac', 'have-passwords'),
  /** -> the name it is bound to. Issuers and ids have any length, keys have not. */
  subject: ({ issuer, id }: Subject): Key =>
    extensionKey(
      'rbac',
      'subject',
      createHash('sha256')
        .update(JSON.stringify([issuer, id]))
        .digest('hex'),
    ),
  groups: (): Key => extensionKey('rbac', 'group'),
  group: (name: string): Key => extensionKey('rbac', 'group', name),
  members: (group: string): Key => extensionKey('rbac', 'member', group),
  member: (group: string, user: string): Key => extensionKey('rbac', 'member', group, user),
  groupsOf: (user: string): Key => extensionKey('rbac', 'member-of', user),
  groupOf: (user: string, group: string): Key => extensionKey('rbac', 'member-of', user, group),
  /** What the source of the user said at the last login, in pieces. */
  said: (user: string): Key => extensionKey('rbac', 'said', user),
  saidPiece: (user: string, piece: number): Key => extensionKey('rbac', 'said', user, piece),
};
