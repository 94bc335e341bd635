import type { AccessControl, AccessPolicy, RepositoryAccess, RepositoryAction } from '../../options.ts';
import { type CelCondition, ConditionProblem, type ConditionRequest, compileCel } from './cel-condition.ts';
import { type Glob, GlobProblem, parseGlob } from './glob.ts';

/** Who asks, with the groups of the configuration and of the provider. */
export interface Asker {
  /** '' for anonymous. */
  readonly username: string;
  readonly groups: ReadonlySet<string>;
}

export interface Asked {
  readonly asker: Asker;
  readonly action: RepositoryAction;
  /** `*` stands for every repository. */
  readonly repository: string;
  /** What conditions look at; made when there are some. */
  request(isAdmin: boolean): ConditionRequest;
}

export type Verdict =
  | { readonly isAllowed: true; readonly rule: string }
  /** `messages` are those of conditions that did not hold where a policy would have allowed it. */
  | { readonly isAllowed: false; readonly pattern: string | undefined; readonly messages: readonly string[] };

/** What is wrong with an `accessControl`, by its place below it. */
export interface AccessControlProblem {
  readonly path: readonly (string | number)[];
  readonly message: string;
}

interface CompiledPolicy {
  readonly users: ReadonlySet<string>;
  readonly groups: ReadonlySet<string>;
  readonly actions: ReadonlySet<RepositoryAction>;
  readonly conditions: readonly CelCondition[];
  readonly place: string;
}

interface CompiledRepositories {
  readonly glob: Glob;
  readonly policies: readonly CompiledPolicy[];
  readonly defaultPolicy: ReadonlySet<RepositoryAction>;
  readonly anonymousPolicy: ReadonlySet<RepositoryAction>;
}

const MAX_REMEMBERED_NAMES = 10_000;

/**
 * zot's `http.accessControl`. Of all patterns that match a repository only the longest has a say, of equally long ones
 * the first in byte order; in it everything that grants counts and nothing denies: policies of the user, of a group,
 * `defaultPolicy` for whoever is logged in, `anonymousPolicy` for whoever is not. When nothing there grants,
 * `adminPolicy` may.
 */
export class ZotAccessControl {
  readonly #repositories: readonly CompiledRepositories[];
  readonly #admin: CompiledPolicy | undefined;
  readonly #groups: ReadonlyMap<string, readonly string[]>;
  readonly #remembered = new Map<string, CompiledRepositories | undefined>();

  /** Throws GlobProblem and ConditionProblem; `accessControlProblems` tells all of them. */
  constructor({ repositories, adminPolicy, groups }: AccessControl) {
    this.#repositories = Object.entries(repositories)
      .map(([pattern, access]) => compileRepositories(pattern, access))
      .sort((a, b) => longestFirst(a.glob.source, b.glob.source));
    this.#admin = adminPolicy && compilePolicy(adminPolicy, 'accessControl.adminPolicy');
    this.#groups = groupsByUser(groups);
  }

  /** The groups of the configuration the user is in. */
  groupsOf(user: string): readonly string[] {
    return this.#groups.get(user) ?? [];
  }

  decide(asked: Asked): Verdict {
    const messages: string[] = [];
    const found = asked.repository === '*' ? undefined : this.#longest(asked.repository);
    const isAdmin = this.#admin !== undefined && isAbout(this.#admin, asked.asker);
    if (asked.repository === '*') {
      if (this.#grantsEverywhere(asked, isAdmin)) return { isAllowed: true, rule: 'accessControl' };
    } else {
      const rule = found && grant(found, asked, { isAdmin, messages });
      if (rule !== undefined) return { isAllowed: true, rule };
    }
    const { action } = asked;
    if (isAdmin && this.#admin?.actions.has(action)) {
      if (holds(this.#admin, asked, { isAdmin, messages }))
        return { isAllowed: true, rule: this.#admin.place };
    }
    return { isAllowed: false, pattern: found?.glob.source, messages };
  }

  /** Whether anybody without a name may do this anywhere. */
  isOpenFor(action?: RepositoryAction): boolean {
    return this.#repositories.some(({ anonymousPolicy }) =>
      action === undefined ? anonymousPolicy.size > 0 : anonymousPolicy.has(action),
    );
  }

  /** Whether a name is worth something anywhere. */
  get knowsUsers(): boolean {
    if (this.#admin !== undefined) return true;
    return this.#repositories.some(
      ({ policies, defaultPolicy }) => policies.length > 0 || defaultPolicy.size > 0,
    );
  }

  #longest(repository: string): CompiledRepositories | undefined {
    const known = this.#remembered.get(repository);
    if (known !== undefined || this.#remembered.has(repository)) return known;
    const found = this.#repositories.find(({ glob }) => glob.matches(repository));
    if (this.#remembered.size >= MAX_REMEMBERED_NAMES) this.#remembered.clear();
    this.#remembered.set(repository, found);
    return found;
  }

  #grantsEverywhere(asked: Asked, isAdmin: boolean): boolean {
    const messages: string[] = [];
    return (
      this.#repositories.some(({ glob }) => glob.source === '**') &&
      this.#repositories.every((one) => grant(one, asked, { isAdmin, messages }) !== undefined)
    );
  }
}

/** Everything that keeps an `accessControl` from being used. */
export function accessControlProblems(control: AccessControl): readonly AccessControlProblem[] {
  const problems: AccessControlProblem[] = [];
  const check = (path: readonly (string | number)[], compile: () => unknown): void => {
    try {
      compile();
    } catch (error) {
      if (!(error instanceof GlobProblem || error instanceof ConditionProblem)) throw error;
      problems.push({ path, message: error.message });
    }
  };
  const checkPolicy = (path: readonly (string | number)[], { conditions }: AccessPolicy): void => {
    for (const [index, { expression, message }] of conditions.entries()) {
      check([...path, 'conditions', index], () => compileCel(expression, message));
    }
  };
  for (const [pattern, { policies }] of Object.entries(control.repositories)) {
    check(['repositories', pattern], () => parseGlob(pattern));
    for (const [index, policy] of policies.entries()) {
      checkPolicy(['repositories', pattern, 'policies', index], policy);
    }
  }
  if (control.adminPolicy !== undefined) checkPolicy(['adminPolicy'], control.adminPolicy);
  return problems;
}

interface Deciding {
  readonly isAdmin: boolean;
  readonly messages: string[];
}

/** The place of what grants it. */
function grant(
  { glob, policies, defaultPolicy, anonymousPolicy }: CompiledRepositories,
  asked: Asked,
  deciding: Deciding,
): string | undefined {
  const { asker, action } = asked;
  const place = `accessControl.repositories["${glob.source}"]`;
  const ofUser = policies.filter(({ users }) => users.has(asker.username));
  const ofGroups = policies.filter(({ groups }) => haveCommon(groups, asker.groups));
  for (const policy of [...ofUser, ...ofGroups]) {
    if (policy.actions.has(action) && holds(policy, asked, deciding)) return policy.place;
  }
  if (asker.username !== '' && defaultPolicy.has(action)) return `${place}.defaultPolicy`;
  if (asker.username === '' && anonymousPolicy.has(action)) return `${place}.anonymousPolicy`;
  return undefined;
}

function holds({ conditions }: CompiledPolicy, asked: Asked, { isAdmin, messages }: Deciding): boolean {
  if (conditions.length === 0) return true;
  const request = asked.request(isAdmin);
  const failed = conditions.find((condition) => !condition.holds(request));
  if (failed === undefined) return true;
  if (failed.message !== '' && !messages.includes(failed.message)) messages.push(failed.message);
  return false;
}

function haveCommon(some: ReadonlySet<string>, others: ReadonlySet<string>): boolean {
  for (const one of others) if (some.has(one)) return true;
  return false;
}

function isAbout({ users, groups }: CompiledPolicy, asker: Asker): boolean {
  return users.has(asker.username) || haveCommon(groups, asker.groups);
}

function compileRepositories(pattern: string, access: RepositoryAccess): CompiledRepositories {
  return {
    glob: parseGlob(pattern),
    policies: access.policies.map((policy, index) =>
      compilePolicy(policy, `accessControl.repositories["${pattern}"].policies[${index}]`),
    ),
    defaultPolicy: new Set(access.defaultPolicy),
    anonymousPolicy: new Set(access.anonymousPolicy),
  };
}

function compilePolicy({ users, groups, actions, conditions }: AccessPolicy, place: string): CompiledPolicy {
  return {
    // An empty name in a list is nobody, and must not become everybody without one.
    users: new Set(users.filter((user) => user !== '')),
    groups: new Set(groups),
    actions: new Set(actions),
    conditions: conditions.map(({ expression, message }) => compileCel(expression, message)),
    place,
  };
}

function groupsByUser(groups: AccessControl['groups']): ReadonlyMap<string, readonly string[]> {
  const byUser = new Map<string, string[]>();
  for (const [group, users] of Object.entries(groups)) {
    for (const user of users) {
      const known = byUser.get(user);
      if (known === undefined) byUser.set(user, [group]);
      else known.push(group);
    }
  }
  return byUser;
}

function longestFirst(a: string, b: string): number {
  return Buffer.byteLength(b) - Buffer.byteLength(a) || Buffer.compare(Buffer.from(a), Buffer.from(b));
}
