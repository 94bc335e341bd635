import { mkdir, mkdtemp, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { StoreError } from '@zot-artifact-store/spec';
import bcrypt from 'bcrypt';
import pino from 'pino';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Permission, Principal } from '../../extension/access.ts';
import type { Authentication, Authorization, ExtensionHost } from '../../extension/contract.ts';
import type { RequestHead } from '../../http/protocol.ts';
import { MemoryMetadataStore } from '../../metadata/memory/memory-metadata-store.ts';
import { rbacSection } from './config.ts';
import { rbac } from './extension.ts';
import { keepRootPassword } from './identity/password/root-password.ts';
import type { AccessControl, RbacOptions, RepositoryAction } from './options.ts';

const COST = 4;
let folder = '';
let nowMs = 0;
let existingTags: readonly string[] = [];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'zas-auth-'));
  nowMs = 1_000_000;
  existingTags = [];
});
afterEach(async () => {
  vi.restoreAllMocks();
  await rm(folder, { recursive: true, force: true });
});

function host(): ExtensionHost {
  const resolve = async (_repository: string, reference: { tag: string }) => {
    if (existingTags.includes(reference.tag)) return {};
    throw new StoreError('manifest-unknown', 'no such tag');
  };
  // What the extension uses of its host.
  return {
    log: pino({ level: 'silent' }),
    clock: { now: () => nowMs },
    registry: { manifests: { resolve } },
    metadata: new MemoryMetadataStore(),
    deriveSecret: () => new Uint8Array(32),
  } as unknown as ExtensionHost;
}

async function start(options: Partial<RbacOptions> = {}) {
  const parts = await rbac({
    realm: 'here',
    rootUser: 'root',
    rootPassword: 'root-secret',
    rootPasswordPath: join(folder, 'root-password'),
    failDelayMs: 0,
    unrestricted: ['htpasswd'],
    ...options,
  }).setup(host(), rbacSection.parse({}));
  const authenticator = parts.authenticators?.at(-1);
  const [authorizer] = parts.authorizers ?? [];
  if (authenticator === undefined || authorizer === undefined) throw new Error('parts are missing');
  return {
    parts,
    login: (user: string, password: string): Promise<Authentication> =>
      authenticator.authenticate(head(user, password), { name: 'oci.Ping', permissions: [] }),
    challenge: () => authenticator.challenge?.(head(), undefined),
    may: async (principal: Principal, action: Permission['action'], tag?: string, from = head()) => {
      const permission = { action, resource: 'repository:a/b', ...(tag ? { attributes: { tag } } : {}) };
      const decision: Authorization = await authorizer.authorize(principal, permission, from);
      return decision.effect;
    },
  };
}

function head(user?: string, password?: string, headers: Record<string, string> = {}): RequestHead {
  const authorization = `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;
  const all = user === undefined ? headers : { ...headers, authorization };
  return {
    id: '1',
    method: 'GET',
    target: '/v2/',
    path: '/v2/',
    query: '',
    headers: all,
    rawHeaders: Object.entries(all).flat(),
    remoteAddress: '192.0.2.1',
  };
}

async function writeUsers(name: string, users: Record<string, string>): Promise<string> {
  const path = join(folder, name);
  const lines = Object.entries(users).map(
    ([user, password]) => `${user}:${bcrypt.hashSync(password, COST)}\n`,
  );
  await writeFile(path, lines.join(''));
  return path;
}

function anonymousMay(
  anonymousPolicy: readonly RepositoryAction[],
  defaultPolicy: readonly RepositoryAction[] = [],
): AccessControl {
  return { repositories: { '**': { policies: [], anonymousPolicy, defaultPolicy } }, groups: {} };
}

const anonymous: Principal = { kind: 'anonymous' };
const alice: Principal = { kind: 'user', name: 'alice', groups: [], via: 'htpasswd', isRoot: false };
const stranger: Principal = { ...alice, via: 'oidc' };
const root: Principal = { ...alice, name: 'root', via: 'root', isRoot: true };

describe('authentication', () => {
  it('knows root by the password of the configuration, or by one it made and kept', async () => {
    const given = await start();
    expect(await given.login('root', 'root-secret')).toMatchObject({
      principal: { name: 'root', isRoot: true },
    });
    expect((await given.login('root', 'wrong')).outcome).toBe('refuse');
    const parts = await rbac({
      realm: 'x',
      rootUser: 'root',
      rootPasswordPath: join(folder, 'made'),
      failDelayMs: 0,
      unrestricted: [],
    }).setup(host(), rbacSection.parse({}));
    expect(parts.authenticators).toHaveLength(3);
    expect(await keepRootPassword(join(folder, 'made'))).toHaveLength(32);
  });

  it('leaves requests without credentials to others, and offers a challenge', async () => {
    const { parts, challenge } = await start({ realm: 'a "quoted" realm' });
    const result = await parts.authenticators?.at(-1)?.authenticate(head(), { name: 'x', permissions: [] });
    expect(result).toEqual({ outcome: 'abstain' });
    expect(challenge()).toBe('Basic realm="a \\"quoted\\" realm"');
  });

  it('knows the users of the file, however their hashes are spelled', async () => {
    const path = await writeUsers('htpasswd', { alice: 'wonder', bob: 'builder' });
    const { login } = await start({ htpasswdPath: path });
    expect(await login('alice', 'wonder')).toMatchObject({ principal: { name: 'alice', isRoot: false } });
    expect(await login('bob', 'builder')).toMatchObject({ principal: { name: 'bob' } });
    await writeFile(path, `carol:${bcrypt.hashSync('c', COST).replace('$2b$', '$2y$')}`);
    nowMs += 1000;
    expect(await login('carol', 'c')).toMatchObject({ principal: { name: 'carol' } });
  });

  it('answers a wrong name and a wrong password alike, after the same work', async () => {
    const compare = vi.spyOn(bcrypt, 'compare');
    const { login } = await start({ htpasswdPath: await writeUsers('htpasswd', { alice: 'wonder' }) });
    const costs: (string | undefined)[] = [];
    const answers: Authentication[] = [];
    for (const user of ['alice', 'nobody', 'root']) {
      compare.mockClear();
      answers.push(await login(user, 'wrong'));
      expect(compare).toHaveBeenCalledTimes(1);
      costs.push(String(compare.mock.calls[0]?.[1]).slice(0, 7));
    }
    expect(new Set(answers.map((answer) => JSON.stringify(answer))).size).toBe(1);
    expect(costs).toEqual(['$2b$04$', '$2b$04$', '$2b$04$']);
  });

  it('knows users with SHA-crypt hashes', async () => {
    const path = join(folder, 'htpasswd');
    const hash =
      '$6$saltstring$svn8UoSVapNtMuq1ukKS4tPQd8iKwSMHWjl/O817G3uBnIFNjnQJuesI68u4OTLiBFdcbYEdFCoEOfaS35inz1';
    await writeFile(path, `dora:${hash}\n`);
    const { parts, login } = await start({ htpasswdPath: path });
    expect(await login('dora', 'Hello world!')).toMatchObject({ principal: { name: 'dora' } });
    expect(await login('dora', 'Hello world')).toMatchObject({ outcome: 'refuse' });
    expect(await login('nobody', 'Hello world!')).toMatchObject({ outcome: 'refuse' });
    await parts.shutdown?.(new AbortController().signal);
    await expect(login('dora', 'something else')).rejects.toMatchObject({ kind: 'unavailable' });
  });

  it('does not ask bcrypt again within a minute, nor twice at the same time', async () => {
    const compare = vi.spyOn(bcrypt, 'compare');
    const { login } = await start({ htpasswdPath: await writeUsers('htpasswd', { alice: 'wonder' }) });
    await Promise.all(Array.from({ length: 10 }, () => login('alice', 'wonder')));
    await login('alice', 'wonder');
    expect(compare).toHaveBeenCalledTimes(1);
    nowMs += 60_001;
    await login('alice', 'wonder');
    expect(compare).toHaveBeenCalledTimes(2);
  });

  it('forgets a remembered password when the file has another', async () => {
    const path = await writeUsers('htpasswd', { alice: 'old' });
    const { login } = await start({ htpasswdPath: path });
    expect((await login('alice', 'old')).outcome).toBe('principal');
    await writeUsers('htpasswd', { alice: 'new' });
    nowMs += 1000;
    expect((await login('alice', 'old')).outcome).toBe('refuse');
    expect((await login('alice', 'new')).outcome).toBe('principal');
  });

  it('follows a symlink that is switched, as a mounted ConfigMap is', async () => {
    for (const [version, user] of [
      ['v1', 'alice'],
      ['v2', 'bob'],
    ] as const) {
      await mkdir(join(folder, version));
      await writeUsers(`${version}/htpasswd`, { [user]: 'secret' });
    }
    await symlink('v1', join(folder, '..data'));
    await symlink('..data/htpasswd', join(folder, 'htpasswd'));
    const { login } = await start({ htpasswdPath: join(folder, 'htpasswd') });
    expect((await login('alice', 'secret')).outcome).toBe('principal');
    await symlink('v2', join(folder, '..new'));
    await rename(join(folder, '..new'), join(folder, '..data'));
    nowMs += 1000;
    expect((await login('bob', 'secret')).outcome).toBe('principal');
    expect((await login('alice', 'secret')).outcome).toBe('refuse');
  });

  it('keeps the last good users when the file is damaged or gone', async () => {
    const path = await writeUsers('htpasswd', { alice: 'wonder' });
    const { login } = await start({ htpasswdPath: path });
    await writeFile(path, 'alice:plain\n');
    nowMs += 1000;
    expect((await login('alice', 'wonder')).outcome).toBe('principal');
    await rm(path);
    nowMs += 1000;
    expect((await login('alice', 'wonder')).outcome).toBe('principal');
  });

  it('does not start with a file it cannot use, and names the line', async () => {
    const path = join(folder, 'htpasswd');
    await writeFile(path, '# one\nbob:$apr1$x$y\n');
    await expect(start({ htpasswdPath: path })).rejects.toThrow(/line 2 .*MD5/);
    await expect(start({ htpasswdPath: join(folder, 'gone') })).rejects.toMatchObject({
      kind: 'unavailable',
    });
  });

  it('turns guesses away unlooked at, root included, and lets in who was right a moment ago', async () => {
    const compare = vi.spyOn(bcrypt, 'compare');
    const { login } = await start({ htpasswdPath: await writeUsers('htpasswd', { alice: 'wonder' }) });
    await login('alice', 'wonder');
    for (let count = 0; count < 10; count += 1) {
      expect((await login('alice', `guess ${count}`)).outcome).toBe('refuse');
      expect((await login('root', `guess ${count}`)).outcome).toBe('refuse');
    }
    compare.mockClear();
    await expect(login('alice', 'another')).rejects.toMatchObject({
      kind: 'too-many-requests',
      retryAfterSeconds: 1,
    });
    await expect(login('root', 'root-secret')).rejects.toMatchObject({ kind: 'too-many-requests' });
    expect((await login('alice', 'wonder')).outcome).toBe('principal');
    expect(compare).not.toHaveBeenCalled();
    nowMs += 1000;
    expect((await login('root', 'root-secret')).outcome).toBe('principal');
  });

  it('holds refusals back as configured, and lets go of them when the server stops', async () => {
    const { login, parts } = await start({ failDelayMs: 3_600_000 });
    const refused = login('root', 'wrong');
    await parts.shutdown?.(AbortSignal.timeout(1000));
    expect((await refused).outcome).toBe('refuse');
  });
});

describe('authorization', () => {
  it('allows root everything, administration included, and nobody else that', async () => {
    const { may } = await start({ unrestricted: ['anonymous'] });
    expect(await may(root, 'admin:Write')).toBe('allow');
    expect(await may(root, 'oci:Delete')).toBe('allow');
    expect(await may(alice, 'admin:Read')).toBe('abstain');
    expect(await may(anonymous, 'admin:Read')).toBe('abstain');
  });

  it('allows users of the file everything with repositories, and leaves users of other kinds to others', async () => {
    const { may } = await start();
    for (const action of [
      'oci:Ping',
      'oci:Pull',
      'oci:Push',
      'oci:Tag',
      'oci:Delete',
      'oci:ListRepositories',
    ] as const) {
      expect(await may(alice, action, 'v1')).toBe('allow');
      const isOpen = action === 'oci:Ping' || action === 'oci:ListRepositories';
      expect(await may(stranger, action, 'v1')).toBe(isOpen ? 'allow' : 'abstain');
      expect(await may(anonymous, action, 'v1')).toBe('abstain');
    }
  });

  it('allows clients without credentials what the policy says', async () => {
    const { may } = await start({ accessControl: anonymousMay(['read']) });
    expect(await may(anonymous, 'oci:Ping')).toBe('allow');
    expect(await may(anonymous, 'oci:Pull')).toBe('allow');
    expect(await may(anonymous, 'oci:ListRepositories')).toBe('allow');
    expect(await may(anonymous, 'oci:Push')).toBe('abstain');
    expect(await may(anonymous, 'oci:Delete')).toBe('abstain');
  });

  it('tells a new tag from one that exists', async () => {
    existingTags = ['old'];
    const creator = await start({ accessControl: anonymousMay(['create']) });
    expect(await creator.may(anonymous, 'oci:Tag', 'new')).toBe('allow');
    expect(await creator.may(anonymous, 'oci:Tag', 'old')).toBe('abstain');
    expect(await creator.may(anonymous, 'oci:Push')).toBe('allow');
    const updater = await start({ accessControl: anonymousMay(['update']) });
    expect(await updater.may(anonymous, 'oci:Tag', 'new')).toBe('abstain');
    expect(await updater.may(anonymous, 'oci:Tag', 'old')).toBe('allow');
    expect(await updater.may(anonymous, 'oci:Push', 'old')).toBe('allow');
    expect(await updater.may(anonymous, 'oci:Push')).toBe('abstain');
  });

  it('sends Docker engines to the login where there are users besides anonymous rights', async () => {
    const engine = { 'user-agent': 'docker/27.0 go/go1.22 UpstreamClient(Docker-Client/27.0)' };
    const mixed = await start({
      accessControl: anonymousMay(['read'], ['create']),
      htpasswdPath: await writeUsers('htpasswd', { alice: 'wonder' }),
    });
    expect(await mixed.may(anonymous, 'oci:Ping', undefined, head(undefined, undefined, engine))).toBe(
      'abstain',
    );
    expect(await mixed.may(anonymous, 'oci:Ping', undefined, head('', '', engine))).toBe('allow');
    expect(await mixed.may(anonymous, 'oci:Ping', undefined, head())).toBe('allow');
    const open = await start({ accessControl: anonymousMay(['read']) });
    expect(await open.may(anonymous, 'oci:Ping', undefined, head(undefined, undefined, engine))).toBe(
      'allow',
    );
  });
});
