import pino from 'pino';
import { beforeEach, describe, expect, it } from 'vitest';
import type { Permission, Principal, UserPrincipal } from '../../../extension/access.ts';
import type { Authorization, Authorizer, ExtensionHost } from '../../../extension/contract.ts';
import type { RequestHead } from '../../../http/protocol.ts';
import { MemoryMetadataStore } from '../../../metadata/memory/memory-metadata-store.ts';
import { rbacSection } from '../config.ts';
import type { RbacOptions } from '../options.ts';
import { policyKeys } from './policies/policy-keys.ts';
import type { PolicyStore } from './policies/policy-store.ts';
import { setUpAccess } from './set-up-access.ts';

let metadata: MemoryMetadataStore;
let store: PolicyStore;
let authorizer: Authorizer;
beforeEach(() => {
  metadata = new MemoryMetadataStore();
  start();
});

const OPTIONS: RbacOptions = {
  realm: 'here',
  rootUser: 'root',
  rootPasswordPath: '/nowhere',
  failDelayMs: 0,
  unrestricted: [],
};

/** One more worker on the same store. */
function start(section: Record<string, unknown> = {}, options: Partial<RbacOptions> = {}): void {
  // What the rules use of their host.
  const host = {
    metadata,
    log: pino({ level: 'silent' }),
    clock: { now: () => Date.UTC(2026, 2, 1) },
  } as unknown as ExtensionHost;
  ({ store, authorizer } = setUpAccess({ ...OPTIONS, ...options }, rbacSection.parse(section), host));
}

const ANYONE: Principal = { kind: 'anonymous' };
const ALICE: UserPrincipal = { kind: 'user', name: 'alice', groups: [], via: 'oidc', isRoot: false };
const ROOT: UserPrincipal = { ...ALICE, name: 'root', isRoot: true };
const variable = (name: string): string => `\${${name}}`;

function head(fields: Partial<RequestHead> = {}): RequestHead {
  return {
    id: 'r1',
    method: 'GET',
    target: '/',
    path: '/',
    query: '',
    headers: {},
    rawHeaders: [],
    remoteAddress: '192.0.2.7',
    ...fields,
  };
}

async function ask(
  principal: Principal,
  action: Permission['action'],
  resource: string,
  { attributes, ...fields }: Partial<RequestHead> & { readonly attributes?: Permission['attributes'] } = {},
): Promise<Authorization> {
  const permission = { action, resource, ...(attributes && { attributes }) };
  return authorizer.authorize(principal, permission, head(fields));
}

const may = async (...args: Parameters<typeof ask>): Promise<string> => (await ask(...args)).effect;

function statement(effect: 'Allow' | 'Deny', action: string, resource: string, rest: object = {}): object {
  return { Effect: effect, Action: action, Resource: resource, ...rest };
}

function document(...statements: readonly object[]): string {
  return JSON.stringify({ Version: '2012-10-17', Statement: statements });
}

async function give(target: string, name: string, ...statements: readonly object[]): Promise<void> {
  await store.put('identity', name, document(...statements), { by: 'root' });
  await store.attach(name, target, () => false);
}

const TEAM_A = 'arn:zas:oci:::team-a/*';

describe('policies of users', () => {
  it('give what they say to the user, the group, the role or the access key they are attached to', async () => {
    await give('user:alice', 'u', statement('Allow', 'oci:Pull', 'arn:zas:oci:::of-user'));
    await give('group:devs', 'g', statement('Allow', 'oci:Pull', 'arn:zas:oci:::of-group'));
    await give('role:dev', 'r', statement('Allow', 'oci:Pull', 'arn:zas:oci:::of-role'));
    await give('access-key:ZAS1', 'k', statement('Allow', 'oci:Pull', 'arn:zas:oci:::of-key'));
    const all: UserPrincipal = { ...ALICE, groups: ['devs'], roles: ['dev'], accessKeyId: 'ZAS1' };
    for (const name of ['of-user', 'of-group', 'of-role', 'of-key']) {
      expect(await may(all, 'oci:Pull', `repository:${name}`)).toBe('allow');
      expect(await may(all, 'oci:Push', `repository:${name}`)).toBe('abstain');
      expect(await may({ ...ALICE, name: 'bob' }, 'oci:Pull', `repository:${name}`)).toBe('abstain');
      expect(await may(ANYONE, 'oci:Pull', `repository:${name}`)).toBe('abstain');
    }
  });

  it('never give a user what is attached to a role or a group of that name', async () => {
    await give('role:alice', 'r', statement('Allow', '*', '*'));
    expect(await may({ ...ALICE, groups: ['alice'] }, 'oci:Pull', 'repository:a')).toBe('abstain');
    expect(await may({ ...ALICE, name: 'role:alice' }, 'oci:Pull', 'repository:a')).toBe('abstain');
  });

  it('tell which statement of which document decided', async () => {
    await give('user:alice', 'p', statement('Allow', 'oci:*', TEAM_A, { Sid: 'Team' }));
    expect(await ask(ALICE, 'oci:Push', 'repository:team-a/app')).toEqual({
      effect: 'allow',
      reason: 'policy "p", statement Team',
      decidedBy: { document: 'policy "p"', statement: 'Team' },
    });
  });

  it('deny, whatever else allows it', async () => {
    start({}, { unrestricted: ['oidc'] });
    expect(await may(ALICE, 'oci:Delete', 'repository:a')).toBe('allow');
    await give('user:alice', 'allow', statement('Allow', '*', '*'));
    await give('group:devs', 'deny', statement('Deny', 'oci:Delete', '*'));
    expect(await may(ALICE, 'oci:Delete', 'repository:a')).toBe('allow');
    const denied = { ...ALICE, groups: ['devs'] };
    expect(await may(denied, 'oci:Delete', 'repository:a')).toBe('deny');
    expect(await may(denied, 'oci:Pull', 'repository:a')).toBe('allow');
  });

  it('know S3, the management API, and the values of conditions and variables', async () => {
    await give(
      'user:alice',
      'p',
      statement('Allow', 's3:*', `arn:aws:s3:::home/${variable('aws:username')}/*`),
      statement('Allow', 's3:ListBucket', 'arn:aws:s3:::home', {
        Condition: { StringLike: { 's3:prefix': `${variable('aws:username')}/*` } },
      }),
      statement('Allow', 'admin:ListUsers', 'arn:zas:admin:::server'),
      statement('Allow', 'oci:Tag', '*', { Condition: { StringLike: { 'oci:tag': 'v*' } } }),
      statement('Allow', 'oci:Pull', '*', { Condition: { IpAddress: { 'aws:SourceIp': '10.0.0.0/8' } } }),
      statement('Allow', 'oci:Push', '*', {
        Condition: { 'ForAnyValue:StringEquals': { 'jwt:realm_access.roles': 'pusher' } },
      }),
    );
    expect(await may(ALICE, 's3:PutObject', 'bucket:home/alice/x')).toBe('allow');
    expect(await may(ALICE, 's3:PutObject', 'bucket:home/bob/x')).toBe('abstain');
    const listing = { attributes: { 's3:prefix': 'alice/a' } };
    expect(await may(ALICE, 's3:ListBucket', 'bucket:home', listing)).toBe('allow');
    expect(await may(ALICE, 's3:ListBucket', 'bucket:home')).toBe('abstain');
    expect(await may(ALICE, 'admin:ListUsers', 'server')).toBe('allow');
    expect(await may(ALICE, 'admin:ListUsers', 'admin:user/x')).toBe('abstain');
    expect(await may(ALICE, 'oci:Tag', 'repository:a', { attributes: { tag: 'v1' } })).toBe('allow');
    expect(await may(ALICE, 'oci:Tag', 'repository:a', { attributes: { tag: 'latest' } })).toBe('abstain');
    expect(await may(ALICE, 'oci:Pull', 'repository:a', { remoteAddress: '10.1.2.3' })).toBe('allow');
    expect(await may(ALICE, 'oci:Pull', 'repository:a', { remoteAddress: '11.1.2.3' })).toBe('abstain');
    const pusher = { ...ALICE, claims: { realm_access: { roles: ['pusher'] } } };
    expect(await may(pusher, 'oci:Push', 'repository:a')).toBe('allow');
    expect(await may(ALICE, 'oci:Push', 'repository:a')).toBe('abstain');
  });

  it('never take a header for a value the server itself knows', async () => {
    const onlyAt = { Condition: { IpAddress: { 'aws:SourceIp': '10.0.0.0/8' } } };
    await give('user:alice', 'p', statement('Allow', 'oci:Pull', '*', onlyAt));
    const headers = { 'aws:sourceip': '10.0.0.1', 'x-forwarded-for': '10.0.0.1', 'x-real-ip': '10.0.0.1' };
    expect(await may(ALICE, 'oci:Pull', 'repository:a', { headers })).toBe('abstain');
    const attributes = { 'aws:SourceIp': '10.0.0.1' };
    expect(await may(ALICE, 'oci:Pull', 'repository:a', { attributes })).toBe('abstain');
  });

  it('count in every worker from the next request on', async () => {
    const [first, writing] = [authorizer, store];
    start();
    const second = authorizer;
    expect(await may(ALICE, 'oci:Pull', 'repository:a')).toBe('abstain');
    await writing.put('identity', 'p', document(statement('Allow', 'oci:Pull', '*')), { by: 'root' });
    await writing.attach('p', 'user:alice', () => false);
    for (const worker of [first, second]) {
      authorizer = worker;
      expect(await may(ALICE, 'oci:Pull', 'repository:a')).toBe('allow');
    }
    await writing.put('identity', 'p', document(statement('Deny', 'oci:Pull', '*')), { by: 'root' });
    for (const worker of [first, second]) {
      authorizer = worker;
      expect(await may(ALICE, 'oci:Pull', 'repository:a')).toBe('deny');
    }
    await writing.detach('p', 'user:alice');
    expect(await may(ALICE, 'oci:Pull', 'repository:a')).toBe('abstain');
  });

  it('are those of one moment for all of a request', async () => {
    await give('user:alice', 'p', statement('Allow', 'oci:Pull', '*'));
    const listing = head();
    const permission: Permission = { action: 'oci:Pull', resource: 'repository:a' };
    expect((await authorizer.authorize(ALICE, permission, listing)).effect).toBe('allow');
    await store.detach('p', 'user:alice');
    expect((await authorizer.authorize(ALICE, permission, listing)).effect).toBe('allow');
    expect(await may(ALICE, 'oci:Pull', 'repository:a')).toBe('abstain');
  });

  it('let nobody but root do anything while they cannot be read', async () => {
    await give('user:alice', 'p', statement('Allow', '*', '*'));
    const version = (await store.find('identity', 'p'))?.versions.at(-1);
    await metadata.commit({
      puts: [{ key: policyKeys.text(version?.revision ?? '', 0), value: Buffer.from('{"Statement": [') }],
    });
    start();
    await expect(ask(ALICE, 'oci:Pull', 'repository:a')).rejects.toMatchObject({ kind: 'unavailable' });
    expect(await may(ROOT, 'oci:Pull', 'repository:a')).toBe('allow');
    await metadata.commit({ puts: [{ key: policyKeys.generation(), value: Buffer.from('x') }] });
    await expect(ask(ANYONE, 'oci:Pull', 'repository:a')).rejects.toMatchObject({ kind: 'unavailable' });
  });

  it('deny everything when one that is attached is gone, for it might have denied it', async () => {
    start({ policies: { p: JSON.parse(document(statement('Deny', 'oci:Push', '*'))) } });
    await store.attach('p', 'user:alice', (name) => name === 'p');
    await give('user:alice', 'q', statement('Allow', '*', '*'));
    expect(await may(ALICE, 'oci:Pull', 'repository:a')).toBe('allow');
    start();
    expect(await ask(ALICE, 'oci:Pull', 'repository:a')).toMatchObject({
      effect: 'deny',
      reason: 'policy "p" is attached and is gone',
    });
  });

  it('pass over groups no policy could be attached to', async () => {
    const groups = ['x'.repeat(5_000), 'a\0b', ''];
    expect(await may({ ...ALICE, groups }, 'oci:Pull', 'repository:a')).toBe('abstain');
  });
});

describe('policies of the configuration', () => {
  it('are attached as it says, to every user too', async () => {
    start({
      policies: { team: JSON.parse(document(statement('Allow', 'oci:*', TEAM_A))) },
      attachments: { 'role:dev': ['team'] },
      everyUser: ['bucket-owner'],
    });
    expect(await may({ ...ALICE, roles: ['dev'] }, 'oci:Push', 'repository:team-a/x')).toBe('allow');
    expect(await may(ALICE, 'oci:Push', 'repository:team-a/x')).toBe('abstain');
    expect(await may(ALICE, 's3:CreateBucket', 'bucket:new')).toBe('allow');
    expect(await may(ANYONE, 's3:CreateBucket', 'bucket:new')).toBe('abstain');
  });

  it.each([
    ['admin', ['admin:PutPolicy', 'oci:Delete', 's3:DeleteBucket'], []],
    ['writer', ['oci:Delete', 'oci:Push', 's3:PutObject', 's3:CreateBucket'], ['admin:ListUsers']],
    [
      'reader',
      ['oci:Pull', 's3:GetObject', 's3:ListBucket'],
      ['oci:Push', 's3:PutObject', 'admin:ListUsers'],
    ],
    ['pusher', ['oci:Pull', 'oci:Push', 'oci:Tag'], ['oci:Delete', 's3:GetObject']],
    ['puller', ['oci:Pull'], ['oci:Push', 'oci:Tag', 's3:GetObject']],
    [
      'auditor',
      ['admin:ListUsers', 'admin:ExplainDecision'],
      ['admin:PutPolicy', 'oci:Pull', 's3:GetObject'],
    ],
    ['bucket-owner', ['s3:CreateBucket', 's3:ListAllMyBuckets'], ['s3:GetObject', 'oci:Pull']],
  ] as const)('have the built-in policy %s', async (name, allowed, others) => {
    start({ attachments: { 'user:alice': [name] } });
    const resourceOf = (action: string): string =>
      action.startsWith('oci:') ? 'repository:a/b' : action.startsWith('s3:') ? 'bucket:b/k' : 'server';
    for (const action of allowed) expect(await may(ALICE, action, resourceOf(action))).toBe('allow');
    for (const action of others) expect(await may(ALICE, action, resourceOf(action))).toBe('abstain');
  });

  it.each<[Record<string, unknown>, RegExp]>([
    [{ policies: { admin: {} } }, /built-in policy/],
    [{ policies: { 'a b': {} } }, /is no name of a policy/],
    [
      { policies: { p: { Statement: [{ Effect: 'Allow', Action: 'x', Resource: '*' }] } } },
      /Action\[0\]: "x" is not/,
    ],
    [{ attachments: { alice: [] } }, /nothing a policy can be attached to/],
    [{ attachments: { 'user:alice': ['nothing'] } }, /neither declared nor built in/],
    [{ everyUser: ['nothing'] }, /neither declared nor built in/],
    [{ repositoryPolicies: { 'A/b': {} } }, /A\/b/],
    [{ repositoryPolicies: { a: { Statement: [] } } }, /there is no statement/],
  ])('are checked: %j', (section, message) => {
    const parsed = rbacSection.safeParse(section);
    expect(parsed.error?.issues.map((issue) => issue.message).join('\n')).toMatch(message);
  });
});

describe('policies of repositories', () => {
  const rule = (name: string, ...statements: readonly object[]) =>
    store.put('repository', name, document(...statements), { by: 'root' });

  it('rule the repository and what lies below it, for anybody they name', async () => {
    await rule(
      'public',
      statement('Allow', 'oci:Pull', 'arn:zas:oci:::public/*', { Principal: '*' }),
      statement('Allow', 'oci:Push', 'arn:zas:oci:::public/*', {
        Principal: { AWS: ['arn:zas:iam:::group/devs', 'arn:zas:iam:::user/alice'] },
      }),
      statement('Deny', 'oci:Delete', 'arn:zas:oci:::public/*', { Principal: '*' }),
    );
    expect(await may(ANYONE, 'oci:Pull', 'repository:public/a/b')).toBe('allow');
    expect(await may(ANYONE, 'oci:Pull', 'repository:public')).toBe('abstain');
    expect(await may(ANYONE, 'oci:Pull', 'repository:publicity')).toBe('abstain');
    expect(await may(ANYONE, 'oci:Push', 'repository:public/a')).toBe('abstain');
    expect(await may(ALICE, 'oci:Push', 'repository:public/a')).toBe('allow');
    const bob = { ...ALICE, name: 'bob' };
    expect(await may(bob, 'oci:Push', 'repository:public/a')).toBe('abstain');
    expect(await may({ ...bob, groups: ['devs'] }, 'oci:Push', 'repository:public/a')).toBe('allow');
    await give('user:alice', 'all', statement('Allow', '*', '*'));
    expect(await may(ALICE, 'oci:Delete', 'repository:public/a')).toBe('deny');
    expect(await may(ALICE, 'oci:Delete', 'repository:other')).toBe('allow');
  });

  it('let anonymous clients find the registry once one gives them something', async () => {
    expect(await may(ANYONE, 'oci:Ping', 'server')).toBe('abstain');
    await rule('public', statement('Allow', 'oci:Pull', 'arn:zas:oci:::public', { Principal: '*' }));
    expect(await may(ANYONE, 'oci:Ping', 'server')).toBe('allow');
    expect(await may(ANYONE, 'oci:ListRepositories', 'repository:*')).toBe('allow');
  });

  it('close what they rule when they are damaged, and nothing else', async () => {
    start({ everyUser: ['puller'] });
    await rule('a', statement('Allow', 'oci:Pull', 'arn:zas:oci:::a/*', { Principal: '*' }));
    const version = (await store.find('repository', 'a'))?.versions.at(-1);
    await metadata.commit({
      puts: [{ key: policyKeys.text(version?.revision ?? '', 0), value: Buffer.from('{"Statement": [') }],
    });
    expect(await may(ALICE, 'oci:Pull', 'repository:a/b')).toBe('deny');
    expect(await may(ANYONE, 'oci:Pull', 'repository:a/b')).toBe('deny');
    expect(await may(ALICE, 'oci:Pull', 'repository:other')).toBe('allow');
  });

  it('do not take a user who is called like somebody else for that one', async () => {
    const grant = { Principal: { AWS: 'arn:zas:iam:::user/boss' } };
    await rule('a', statement('Allow', 'oci:Pull', 'arn:zas:oci:::a', grant));
    expect(await may({ ...ALICE, name: 'boss' }, 'oci:Pull', 'repository:a')).toBe('allow');
    expect(await may({ ...ALICE, name: 'arn:zas:iam:::user/boss' }, 'oci:Pull', 'repository:a')).toBe(
      'abstain',
    );
  });
});

describe('what narrows a credential', () => {
  const limit = (...statements: readonly object[]) => ({
    name: 'scopes of key 7',
    document: document(...statements),
  });

  it('must allow it besides everything else, for root too', async () => {
    await give('user:alice', 'all', statement('Allow', '*', '*'));
    const limits = [limit(statement('Allow', 'oci:Pull', TEAM_A))];
    for (const user of [ALICE, ROOT]) {
      const limited = { ...user, limits };
      expect(await may(limited, 'oci:Pull', 'repository:team-a/x')).toBe('allow');
      expect(await ask(limited, 'oci:Push', 'repository:team-a/x')).toEqual({
        effect: 'deny',
        reason: 'scopes of key 7 does not allow it',
        decidedBy: { document: 'scopes of key 7' },
      });
      expect(await may(limited, 's3:GetObject', 'bucket:b/k')).toBe('deny');
      expect(await may(limited, 'oci:Ping', 'server')).toBe('allow');
    }
  });

  it('gives nothing by itself', async () => {
    const limited = { ...ALICE, limits: [limit(statement('Allow', '*', '*'))] };
    expect(await may(limited, 'oci:Pull', 'repository:a')).toBe('abstain');
  });

  it('allows nothing when it is no policy, and all of several must allow it', async () => {
    await give('user:alice', 'all', statement('Allow', '*', '*'));
    const broken = { name: 'broken', document: '{' };
    expect(await may({ ...ALICE, limits: [broken] }, 'oci:Ping', 'server')).toBe('deny');
    const limits = [limit(statement('Allow', 'oci:*', '*')), limit(statement('Allow', 'oci:Pull', '*'))];
    expect(await may({ ...ALICE, limits }, 'oci:Pull', 'repository:a')).toBe('allow');
    expect(await may({ ...ALICE, limits }, 'oci:Push', 'repository:a')).toBe('deny');
  });
});
