import type { UserSource } from './user-record.ts';

export interface DeclaredUser {
  readonly source: UserSource;
  readonly description: string;
  readonly passwordHash?: string | undefined;
  readonly isDisabled: boolean;
}

export interface DeclaredGroup {
  readonly description: string;
  readonly members: readonly string[];
}

/** The users and groups of the config file, which the API can only show. */
export class DeclaredUsers {
  readonly users: ReadonlyMap<string, DeclaredUser>;
  readonly groups: ReadonlyMap<string, DeclaredGroup>;
  readonly #groupsOf = new Map<string, string[]>();

  constructor(
    users: Readonly<Record<string, DeclaredUser>> = {},
    groups: Readonly<Record<string, DeclaredGroup>> = {},
  ) {
    this.users = new Map(Object.entries(users));
    this.groups = new Map(Object.entries(groups));
    for (const [group, { members }] of this.groups) {
      for (const member of members) {
        const known = this.#groupsOf.get(member) ?? [];
        known.push(group);
        this.#groupsOf.set(member, known);
      }
    }
  }

  groupsOf(user: string): readonly string[] {
    return this.#groupsOf.get(user) ?? [];
  }
}
