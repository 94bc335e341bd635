import { describe, expect, it } from 'vitest';
import type { AccessControl, AccessPolicy, RepositoryAccess, RepositoryAction } from '../../options.ts';
import { accessControlProblems, type Verdict, ZotAccessControl } from './access-control.ts';
import type { ConditionRequest } from './cel-condition.ts';

const ALL: readonly RepositoryAction[] = ['read', 'create', 'update', 'delete'];

function policy(given: Partial<AccessPolicy>): AccessPolicy {
  return { users: [], groups: [], actions: [], conditions: [], ...given };
}

function control(
  repositories: Record<string, Partial<RepositoryAccess>>,
  rest: Partial<Pick<AccessControl, 'adminPolicy' | 'groups'>> = {},
): ZotAccessControl {
  return new ZotAccessControl(written(repositories, rest));
}

function written(
  repositories: Record<string, Partial<RepositoryAccess>>,
  rest: Partial<Pick<AccessControl, 'adminPolicy' | 'groups'>> = {},
): AccessControl {
  const entries = Object.entries(repositories).map(([pattern, access]) => [
    pattern,
    { policies: [], defaultPolicy: [], anonymousPolicy: [], ...access },
  ]);
  return { repositories: Object.fromEntries(entries), groups: {}, ...rest };
}

interface Who {
  readonly user?: string;
  readonly groups?: readonly string[];
  readonly method?: string;
}

function decide(
  access: ZotAccessControl,
  action: RepositoryAction,
  repository: string,
  { user = '', groups = [], method = 'GET' }: Who = {},
): Verdict {
  return access.decide({
    asker: { username: user, groups: new Set([...groups, ...access.groupsOf(user)]) },
    action,
    repository,
    request: (admin) =>
      ({
        method,
        action,
        repository,
        auth: { anonymous: user === '', admin },
      }) as unknown as ConditionRequest,
  });
}

const may = (...args: Parameters<typeof decide>): boolean => decide(...args).isAllowed;

// What zot's documentation of accessControl says, one case for each sentence.
describe("zot's accessControl", () => {
  it('gives a user and a group what the policy of the pattern lists, and nothing else', () => {
    const access = control(
      {
        'infos/**': {
          policies: [
            policy({ users: ['alice'], actions: ['read', 'create'] }),
            policy({ groups: ['maintainers'], actions: ['delete'] }),
          ],
        },
      },
      { groups: { maintainers: ['bob'] } },
    );
    expect(may(access, 'create', 'infos/app', { user: 'alice' })).toBe(true);
    expect(may(access, 'delete', 'infos/app', { user: 'alice' })).toBe(false);
    expect(may(access, 'delete', 'infos/app', { user: 'bob' })).toBe(true);
    expect(may(access, 'delete', 'infos/app', { user: 'carol', groups: ['maintainers'] })).toBe(true);
    expect(may(access, 'read', 'infos/app', { user: 'carol' })).toBe(false);
    expect(may(access, 'read', 'other', { user: 'alice' })).toBe(false);
  });

  it('asks only the longest pattern that matches, even when a shorter one would allow it', () => {
    const access = control({
      '**': { defaultPolicy: ALL },
      'tmp/**': { defaultPolicy: ['read'] },
      'tmp/secret/**': { policies: [policy({ users: ['alice'], actions: ['read'] })] },
    });
    expect(may(access, 'delete', 'app', { user: 'bob' })).toBe(true);
    expect(may(access, 'delete', 'tmp/app', { user: 'bob' })).toBe(false);
    expect(may(access, 'read', 'tmp/secret/app', { user: 'bob' })).toBe(false);
    expect(may(access, 'read', 'tmp/secret/app', { user: 'alice' })).toBe(true);
  });

  it('of equally long patterns asks the first in byte order, always', () => {
    const first = { defaultPolicy: ['read'] as const };
    for (const access of [control({ 'a/**': first, '*/ab': {} }), control({ '*/ab': {}, 'a/**': first })]) {
      expect(may(access, 'read', 'a/ab', { user: 'bob' })).toBe(false);
      expect(may(access, 'read', 'a/cd', { user: 'bob' })).toBe(true);
    }
  });

  it('gives the default policy to whoever is logged in, and the anonymous policy to whoever is not', () => {
    const access = control({ '**': { anonymousPolicy: ['read'], defaultPolicy: ['create'] } });
    expect(may(access, 'read', 'app')).toBe(true);
    expect(may(access, 'create', 'app')).toBe(false);
    expect(may(access, 'create', 'app', { user: 'bob' })).toBe(true);
    expect(may(access, 'read', 'app', { user: 'bob' })).toBe(false);
  });

  it('lets administrators do what the admin policy lists where nothing else allows it, matched or not', () => {
    const adminPolicy = policy({ users: ['admin'], groups: ['ops'], actions: ['read', 'delete'] });
    const access = control({ 'team/**': { defaultPolicy: ['create'] } }, { adminPolicy });
    expect(may(access, 'create', 'team/app', { user: 'admin' })).toBe(true);
    expect(may(access, 'delete', 'team/app', { user: 'admin' })).toBe(true);
    expect(may(access, 'read', 'elsewhere', { user: 'admin' })).toBe(true);
    expect(may(access, 'create', 'elsewhere', { user: 'admin' })).toBe(false);
    expect(may(access, 'read', 'elsewhere', { user: 'eve', groups: ['ops'] })).toBe(true);
    expect(may(access, 'read', 'elsewhere', { user: 'eve' })).toBe(false);
  });

  it('never takes a client without a name for a user whose name is empty', () => {
    const access = control({ '**': { policies: [policy({ users: [''], actions: ALL })] } });
    expect(may(access, 'read', 'app')).toBe(false);
  });

  it('lets a policy count only while all its conditions hold, and tells the message of the first that does not', () => {
    const conditions = [
      { expression: 'req.method == "PUT"', message: 'only pushes' },
      { expression: 'req.repository.startsWith("prod/")', message: 'only prod' },
    ];
    const access = control({ '**': { policies: [policy({ users: ['alice'], actions: ALL, conditions })] } });
    expect(decide(access, 'create', 'prod/api', { user: 'alice', method: 'PUT' })).toMatchObject({
      isAllowed: true,
      rule: 'accessControl.repositories["**"].policies[0]',
    });
    expect(decide(access, 'read', 'prod/api', { user: 'alice' })).toEqual({
      isAllowed: false,
      pattern: '**',
      messages: ['only pushes'],
    });
    expect(decide(access, 'create', 'dev/api', { user: 'alice', method: 'PUT' })).toMatchObject({
      messages: ['only prod'],
    });
    expect(decide(access, 'read', 'prod/api', { user: 'bob' })).toMatchObject({ messages: [] });
  });

  it('tells conditions whether the user is an administrator', () => {
    const conditions = [{ expression: 'req.auth.admin', message: '' }];
    const access = control(
      { '**': { policies: [policy({ groups: ['devs'], actions: ['read'], conditions })] } },
      { adminPolicy: policy({ users: ['admin'], actions: [] }) },
    );
    expect(may(access, 'read', 'app', { user: 'admin', groups: ['devs'] })).toBe(true);
    expect(may(access, 'read', 'app', { user: 'bob', groups: ['devs'] })).toBe(false);
  });

  it('allows something everywhere only when every pattern does, and one of them is **', () => {
    expect(may(control({ '**': { anonymousPolicy: ALL } }), 'read', '*')).toBe(true);
    expect(may(control({ 'a/**': { anonymousPolicy: ALL } }), 'read', '*')).toBe(false);
    const mixed = control({ '**': { anonymousPolicy: ALL }, 'secret/**': {} });
    expect(may(mixed, 'read', '*')).toBe(false);
  });

  it('remembers what a name matches without growing for ever', () => {
    const access = control({ 'a/**': { anonymousPolicy: ['read'] } });
    for (let index = 0; index < 10_005; index += 1) decide(access, 'read', `b/${index}`);
    expect(may(access, 'read', 'a/x')).toBe(true);
    expect(may(access, 'read', 'b/1')).toBe(false);
  });

  it('is checked whole, and every problem has its place', () => {
    const broken = [{ expression: 'nonsense(', message: '' }];
    const problems = accessControlProblems(
      written(
        { '[a': {}, 'b/**': { policies: [policy({ conditions: broken })] } },
        { adminPolicy: policy({ conditions: broken }) },
      ),
    );
    expect(problems.map(({ path }) => path)).toEqual([
      ['repositories', '[a'],
      ['repositories', 'b/**', 'policies', 0, 'conditions', 0],
      ['adminPolicy', 'conditions', 0],
    ]);
    expect(problems[1]?.message).toContain('is no condition in CEL');
  });
});
