import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  type LdapAnswerer,
  type LdapEntry,
  startLdapAnswerer,
} from '@zot-artifact-store/testkit/ldap-answerer.ts';
import pino from 'pino';
import { generate } from 'selfsigned';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { BindCredentialsFile } from './bind-credentials.ts';
import type { LdapOptions } from './ldap-options.ts';
import { LdapService } from './ldap-service.ts';

const BASE = 'ou=people,dc=example,dc=org';
const ALICE: LdapEntry = {
  dn: `uid=alice,${BASE}`,
  password: 'wonderland',
  attributes: { uid: ['alice'], memberof: ['cn=team-a,ou=groups,dc=example,dc=org', 'ops'] },
};
const SEARCHER: LdapEntry = { dn: 'cn=searcher,dc=example,dc=org', password: 'search', attributes: {} };

let folder = '';
let nowMs = 0;
const running: LdapAnswerer[] = [];
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'zas-ldap-'));
  nowMs = 1_000;
});
afterEach(async () => {
  for (const one of running.splice(0)) await one.close();
  await rm(folder, { recursive: true, force: true });
});

async function answer(options: Partial<Parameters<typeof startLdapAnswerer>[0]> = {}): Promise<LdapAnswerer> {
  const answerer = await startLdapAnswerer({ entries: [ALICE, SEARCHER], ...options });
  running.push(answerer);
  return answerer;
}

function service(port: number, options: Partial<LdapOptions> = {}, timeoutMs = 5_000): LdapService {
  const all: LdapOptions = {
    host: '127.0.0.1',
    port,
    transport: 'plain',
    skipVerify: false,
    baseDn: BASE,
    userAttribute: 'uid',
    groupAttribute: 'memberOf',
    isSubtree: true,
    ...options,
  };
  const log = pino({ level: 'silent' });
  const credentials =
    all.credentialsPath === undefined ? undefined : new BindCredentialsFile(all.credentialsPath, log);
  return new LdapService({ options: all, credentials, clock: { now: () => nowMs }, log, timeoutMs });
}

async function credentialsFile(content: object): Promise<string> {
  const path = join(folder, 'ldap.json');
  await writeFile(path, JSON.stringify(content));
  return path;
}

const SEARCH = { bindDN: SEARCHER.dn, bindPassword: 'search' };

describe('an LDAP login', () => {
  it('searches the user, tries the password, and brings the groups', async () => {
    const ldap = await answer({ isClosed: true });
    const users = service(ldap.port, { credentialsPath: await credentialsFile(SEARCH) });
    expect(await users.verify('alice', 'wonderland')).toEqual({
      name: 'alice',
      groups: ['cn=team-a,ou=groups,dc=example,dc=org', 'ops'],
    });
    expect(ldap.asked).toEqual([`bind ${SEARCHER.dn}`, 'search (uid="alice")', `bind ${ALICE.dn}`]);
    expect(await users.verify('alice', 'wrong')).toBeUndefined();
  });

  it('does the same work for a name nobody has', async () => {
    const ldap = await answer();
    expect(await service(ldap.port).verify('nobody', 'wonderland')).toBeUndefined();
    expect(ldap.asked).toEqual(['search (uid="nobody")', expect.stringMatching(/^bind cn=nobody-/)]);
  });

  it('needs a password, because a bind without one proves nothing', async () => {
    const ldap = await answer({ bindResult: () => 0 });
    expect(await service(ldap.port).verify('alice', '')).toBeUndefined();
    expect(ldap.asked).toEqual([]);
  });

  it.each(['*', 'alice)(uid=*', '*)(|(uid=*', 'alice\0', 'alice\\2a', ')(&', `alice,${BASE}`])(
    'takes %j for a name and not for a filter',
    async (name) => {
      const ldap = await answer();
      expect(await service(ldap.port).verify(name, 'wonderland')).toBeUndefined();
      expect(ldap.asked[0]).toBe(`search (uid=${JSON.stringify(name)})`);
    },
  );

  it('has one name for a user, however it is spelled', async () => {
    const users = service((await answer()).port);
    for (const name of ['alice', 'ALICE', 'Alice ', ' alice']) {
      expect(await users.verify(name, 'wonderland')).toMatchObject({ name: 'alice' });
    }
  });

  it('looks only at users that the filter of the configuration matches', async () => {
    const ldap = await answer({
      entries: [
        { ...ALICE, attributes: { ...ALICE.attributes, locked: ['TRUE'] } },
        { dn: `uid=bob,${BASE}`, password: 'builder', attributes: { uid: ['bob'] } },
      ],
    });
    for (const userFilter of ['(!(locked=TRUE))', '!(locked=TRUE)']) {
      const users = service(ldap.port, { userFilter });
      expect(await users.verify('alice', 'wonderland')).toBeUndefined();
      expect(await users.verify('bob', 'builder')).toEqual({ name: 'bob', groups: [] });
    }
  });

  it('refuses a name that several entries have', async () => {
    const ldap = await answer({
      entries: [1, 2, 3].map((i) => ({ ...ALICE, dn: `uid=alice,ou=${i},${BASE}` })),
    });
    expect(await service(ldap.port).verify('alice', 'wonderland')).toBeUndefined();
  });

  it('is refused as wrong when the directory refuses the bind for another reason', async () => {
    const ldap = await answer({ bindResult: (dn) => (dn === ALICE.dn ? 53 : undefined) });
    expect(await service(ldap.port).verify('alice', 'wonderland')).toBeUndefined();
  });

  it('is remembered for a minute, and equal ones at the same time are one', async () => {
    const ldap = await answer();
    const users = service(ldap.port);
    expect(users.remembered('alice', 'wonderland')).toBeUndefined();
    await Promise.all(Array.from({ length: 20 }, () => users.verify('alice', 'wonderland')));
    expect(ldap.asked).toHaveLength(2);
    expect(users.remembered('alice', 'wonderland')).toMatchObject({ name: 'alice' });
    expect(users.remembered('alice', 'wrong')).toBeUndefined();
    nowMs += 60_001;
    expect(users.remembered('alice', 'wonderland')).toBeUndefined();
  });

  it('does not take all of the directory in a storm, nor wait without end', async () => {
    const ldap = await answer();
    const users = service(ldap.port);
    const storm = await Promise.allSettled(
      Array.from({ length: 230 }, (_, i) => users.verify('alice', `guess ${i}`)),
    );
    const refused = storm.filter(({ status }) => status === 'rejected');
    expect(refused.length).toBe(230 - 204);
    expect(refused[0]).toMatchObject({ reason: { kind: 'too-many-requests' } });
  });
});

describe('an LDAP server', () => {
  it('that does not answer is said to be unavailable', async () => {
    const ldap = await answer();
    ldap.fallSilent();
    await expect(service(ldap.port, {}, 100).verify('alice', 'wonderland')).rejects.toMatchObject({
      kind: 'unavailable',
    });
    await ldap.close();
    running.splice(0);
    await expect(service(ldap.port).verify('alice', 'wonderland')).rejects.toMatchObject({
      kind: 'unavailable',
    });
  });

  it('that refuses the searching account is said to be unavailable, whoever asks', async () => {
    const ldap = await answer({ isClosed: true });
    const users = service(ldap.port, {
      credentialsPath: await credentialsFile({ ...SEARCH, bindPassword: 'old' }),
    });
    await expect(users.verify('alice', 'wonderland')).rejects.toMatchObject({ kind: 'unavailable' });
    await expect(service(ldap.port).verify('alice', 'wonderland')).rejects.toMatchObject({
      kind: 'unavailable',
    });
  });

  it('gets the credentials of a file that changed, and keeps the last good ones when it breaks', async () => {
    const ldap = await answer({ isClosed: true });
    const users = service(ldap.port, {
      credentialsPath: await credentialsFile({ ...SEARCH, bindPassword: 'old' }),
    });
    await expect(users.verify('alice', 'wonderland')).rejects.toMatchObject({ kind: 'unavailable' });
    await credentialsFile(SEARCH);
    expect(await users.verify('alice', 'wonderland')).toMatchObject({ name: 'alice' });
    await credentialsFile({ bindDN: 'x', password: 'y' });
    nowMs += 60_001;
    expect(await users.verify('alice', 'wonderland')).toMatchObject({ name: 'alice' });
  });

  it('is spoken to in the clear only after StartTLS, with a certificate that is trusted', async () => {
    const { cert, private: key } = await generate([{ name: 'commonName', value: 'localhost' }], {
      extensions: [{ name: 'subjectAltName', altNames: [{ type: 7, ip: '127.0.0.1' }] }],
    });
    await writeFile(join(folder, 'ca.pem'), cert);
    const ldap = await answer({ tls: { cert, key } });
    const trusting = service(ldap.port, { transport: 'starttls', caPath: join(folder, 'ca.pem') });
    expect(await trusting.verify('alice', 'wonderland')).toMatchObject({ name: 'alice' });
    expect(ldap.asked[0]).toBe('starttls');
    const careless = service(ldap.port, { transport: 'starttls', skipVerify: true });
    expect(await careless.verify('alice', 'wonderland')).toMatchObject({ name: 'alice' });
    const strict = service(ldap.port, { transport: 'starttls' });
    const before = ldap.asked.length;
    await expect(strict.verify('alice', 'wonderland')).rejects.toMatchObject({ kind: 'unavailable' });
    expect(ldap.asked.slice(before).filter((what) => what !== 'starttls')).toEqual([]);
  });
});

describe('a look-up', () => {
  it('brings the groups of a user without a password, and remembers them for a minute', async () => {
    const ldap = await answer();
    const users = service(ldap.port);
    expect(await users.lookUp('alice')).toMatchObject({ name: 'alice', groups: [expect.any(String), 'ops'] });
    await users.lookUp('alice');
    expect(ldap.asked).toEqual(['search (uid="alice")']);
    expect(await users.lookUp('bob')).toBeUndefined();
  });
});
