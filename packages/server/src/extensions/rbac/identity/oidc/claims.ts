import type { ClaimRules } from './provider.ts';
import { bad } from './token-form.ts';

/** What a token says about its user, by the provider's rules. */
export interface ClaimedIdentity {
  readonly username: string;
  readonly groups: readonly string[];
  readonly roles: readonly string[];
}

export type Claims = Readonly<Record<string, unknown>>;

const MAX_NAME_CHARS = 255;
const MAX_NAMES = 1_000;
/** Control and format characters, and separators of lines: what makes one name look like another, or a log lie. */
const UNSEEN = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/u;

/** Reads user name, groups and roles. Throws `unauthenticated` when the name is missing or a name cannot be one. */
export function identityFromClaims(rules: ClaimRules, claims: Claims): ClaimedIdentity {
  const username = textClaim(claims, rules.username) ?? textClaim(claims, rules.fallbackUsername);
  if (username === undefined) throw bad(`has no claim ${rules.username}, which would name the user`);
  const roles = rules.roleClients.flatMap((client) =>
    list(member(member(claims.resource_access, client), 'roles')),
  );
  const realmRoles = rules.realmRoles ? list(member(claims.realm_access, 'roles')) : [];
  return checkedIdentity({
    username,
    groups: list(claimAt(claims, rules.groups)),
    roles: [...roles, ...realmRoles],
  });
}

/** The same identity without repetitions. Throws `unauthenticated` for names that nobody should have. */
export function checkedIdentity({ username, groups, roles }: ClaimedIdentity): ClaimedIdentity {
  if (!isName(username)) throw bad('names a user with characters or a length that a user name may not have');
  for (const [what, names] of [
    ['groups', groups],
    ['roles', roles],
  ] as const) {
    if (names.length > MAX_NAMES) throw bad(`has more than ${MAX_NAMES} ${what}`);
    if (!names.every(isName)) throw bad(`names ${what} with characters or a length that a name may not have`);
  }
  return { username, groups: [...new Set(groups)], roles: [...new Set(roles)] };
}

function isName(text: string): boolean {
  return text !== '' && text.length <= MAX_NAME_CHARS && text.trim() === text && !UNSEEN.test(text);
}

function textClaim(claims: Claims, name: string | undefined): string | undefined {
  const value = name === undefined ? undefined : claimAt(claims, name);
  return typeof value === 'string' && value !== '' ? value : undefined;
}

/** By the whole name first, which may have dots and slashes of its own (`https://example.com/groups`), then by a path. */
function claimAt(claims: Claims, name: string): unknown {
  if (Object.hasOwn(claims, name)) return claims[name];
  return name.split('.').reduce<unknown>((value, part) => member(value, part), claims);
}

function member(value: unknown, name: string): unknown {
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return undefined;
  return Reflect.get(value, name);
}

/** A list of texts, or one text; anything else in it is refused rather than guessed at. */
function list(value: unknown): readonly string[] {
  if (value === undefined || value === null) return [];
  const parts: readonly unknown[] = Array.isArray(value) ? value : [value];
  return parts.map((part) => {
    if (typeof part === 'string') return part;
    throw bad('has a list of groups or roles that holds something else');
  });
}
