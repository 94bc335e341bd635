import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { type AddressInfo, connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { Client } from 'ldapts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type BuiltLayout, buildLayout } from './image-layout.ts';
import { openSession, type Session } from './session.ts';

const SUFFIX = 'dc=example,dc=org';
const ADMIN = `cn=admin,${SUFFIX}`;
const PASSWORD = 'a password in the directory';

let folder = '';
let port = 0;
let slapd: ChildProcess | undefined;
let session: Session;
let layout: BuiltLayout;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'zas-slapd-'));
  port = await freePort();
  slapd = await startSlapd();
  await fillDirectory();
  session = await openSession({ isLoggedOut: true, config: writeConfig });
  layout = await buildLayout(session.folder, 'v1');
});
afterAll(async () => {
  await session?.close();
  if (slapd !== undefined && slapd.exitCode === null) {
    slapd.kill('SIGTERM');
    await once(slapd, 'exit');
  }
  await rm(folder, { recursive: true, force: true });
});

/** A directory of its own with a certificate and the overlay that keeps `memberOf`. */
async function startSlapd(): Promise<ChildProcess> {
  await mkdir(join(folder, 'db'));
  const made = spawn('openssl', [
    ...['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', '-subj', '/CN=127.0.0.1'],
    ...['-addext', 'subjectAltName=IP:127.0.0.1'],
    ...['-keyout', join(folder, 'key.pem'), '-out', join(folder, 'cert.pem')],
  ]);
  await once(made, 'exit');
  const schemas = ['core', 'cosine', 'inetorgperson'].map(
    (name) => `include /etc/ldap/schema/${name}.schema`,
  );
  await writeFile(
    join(folder, 'slapd.conf'),
    [
      ...schemas,
      `pidfile ${join(folder, 'slapd.pid')}`,
      'modulepath /usr/lib/ldap',
      'moduleload back_mdb',
      'moduleload memberof',
      `TLSCertificateFile ${join(folder, 'cert.pem')}`,
      `TLSCertificateKeyFile ${join(folder, 'key.pem')}`,
      'disallow bind_anon',
      'database mdb',
      `suffix "${SUFFIX}"`,
      `rootdn "${ADMIN}"`,
      `rootpw "${PASSWORD}"`,
      `directory ${join(folder, 'db')}`,
      'overlay memberof',
      'access to attrs=userPassword by anonymous auth by * none',
      'access to * by users read by anonymous auth',
      '',
    ].join('\n'),
  );
  const child = spawn(
    '/usr/sbin/slapd',
    ['-h', `ldap://127.0.0.1:${port}`, '-f', join(folder, 'slapd.conf'), '-d', '0'],
    {
      stdio: ['ignore', 'ignore', 'pipe'],
    },
  );
  let said = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    said += text;
  });
  while (!(await answers())) {
    if (child.exitCode !== null) throw new Error(`slapd ended with ${child.exitCode}: ${said}`);
    await wait(50);
  }
  return child;
}

async function fillDirectory(): Promise<void> {
  const client = new Client({ url: `ldap://127.0.0.1:${port}` });
  await client.bind(ADMIN, PASSWORD);
  const add = (dn: string, attributes: Record<string, string | string[]>) => client.add(dn, attributes);
  await add(SUFFIX, { objectClass: ['dcObject', 'organization'], dc: 'example', o: 'Example' });
  for (const ou of ['people', 'groups', 'services']) {
    await add(`ou=${ou},${SUFFIX}`, { objectClass: 'organizationalUnit', ou });
  }
  const person = (uid: string) => ({
    objectClass: 'inetOrgPerson',
    uid,
    cn: uid,
    sn: uid,
    userPassword: PASSWORD,
  });
  await add(`uid=searcher,ou=services,${SUFFIX}`, person('searcher'));
  for (const uid of ['alice', 'bob', 'tricky(name)*'])
    await add(`cn=${uid},ou=people,${SUFFIX}`, person(uid));
  await add(`cn=team-a,ou=groups,${SUFFIX}`, {
    objectClass: 'groupOfNames',
    cn: 'team-a',
    member: `cn=alice,ou=people,${SUFFIX}`,
  });
  await client.unbind();
}

async function writeConfig(scratch: string): Promise<Readonly<Record<string, unknown>>> {
  const credentialsFile = join(scratch, 'ldap.json');
  await writeFile(
    credentialsFile,
    JSON.stringify({ bindDN: `uid=searcher,ou=services,${SUFFIX}`, bindPassword: PASSWORD }),
  );
  const ldap = {
    address: '127.0.0.1',
    port,
    insecure: true,
    startTLS: true,
    caCert: join(folder, 'cert.pem'),
    baseDN: `ou=people,${SUFFIX}`,
    userAttribute: 'uid',
    userGroupAttribute: 'memberOf',
    userFilter: '(objectClass=inetOrgPerson)',
    credentialsFile,
  };
  const team = { groups: [`cn=team-a,ou=groups,${SUFFIX}`], actions: ['read', 'create', 'update'] };
  return {
    http: {
      auth: { ldap },
      accessControl: {
        repositories: { 'team-a/**': { policies: [team] }, '**': { defaultPolicy: ['read'] } },
      },
    },
  };
}

function whoAmI(user: string, password: string): Promise<Response> {
  const authorization = `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;
  return fetch(`${session.url}/-/api/v1/whoami`, { headers: { authorization } });
}

describe('users of slapd', () => {
  it('log in over StartTLS, with the groups of the directory', async () => {
    expect(await (await whoAmI('alice', PASSWORD)).json()).toMatchObject({
      name: 'alice',
      via: 'ldap',
      groups: [`cn=team-a,ou=groups,${SUFFIX}`],
    });
    expect(await (await whoAmI('BOB', PASSWORD)).json()).toMatchObject({ name: 'bob', groups: [] });
    expect(await (await whoAmI('tricky(name)*', PASSWORD)).json()).toMatchObject({ name: 'tricky(name)*' });
  });

  it('are refused with a wrong or an empty password, and whatever would be a filter', async () => {
    for (const [user, password] of [
      ['alice', 'wrong'],
      ['alice', ''],
      ['nobody', PASSWORD],
      ['*', PASSWORD],
      ['alice)(uid=*', PASSWORD],
      ['searcher', PASSWORD],
    ] as const) {
      expect((await whoAmI(user, password)).status).toBe(401);
    }
  });

  it('push with skopeo where their group may, and nowhere else', async () => {
    const { run, mustFail, registry } = session;
    const copy = (user: string, repository: string) => [
      ...['copy', '--all', '--dest-tls-verify=false', `--dest-creds=${user}:${PASSWORD}`],
      ...[`oci:${layout.folder}:v1`, `docker://${registry}/${repository}:v1`],
    ];
    await run('skopeo', copy('alice', 'team-a/app'));
    await mustFail('skopeo', copy('bob', 'team-a/app2'));
    await mustFail('skopeo', copy('alice', 'other/app'));
  });
});

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port: free } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return free;
}

function answers(): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.on('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.on('error', () => resolve(false));
  });
}
