import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type BuiltLayout, buildLayout } from './image-layout.ts';
import { openSession, type Session } from './session.ts';

/** bcrypt of PASSWORD, cost 4. */
const HASH = '$2b$04$/RhNE8AQitMBYQItE6ot/uoWXBRJaLdA.KrMRaF/2ruQsVvYTqgEa';
const PASSWORD = 'a declared password';

interface Client {
  readonly name: string;
  login(session: Session, password: string): readonly string[];
  push(session: Session, layout: BuiltLayout, repository: string): readonly string[];
  pull(session: Session, repository: string): readonly string[];
}

const CLIENTS: readonly Client[] = [
  {
    name: 'skopeo',
    login: ({ registry }, password) => [
      ...['skopeo', 'login', '--tls-verify=false', '-u', 'alice', '-p', password, registry],
    ],
    push: ({ registry }, { folder }, repository) => [
      ...['skopeo', 'copy', '--all', '--dest-tls-verify=false'],
      ...[`oci:${folder}:v1`, `docker://${registry}/${repository}:v1`],
    ],
    pull: ({ registry, folder }, repository) => [
      ...['skopeo', 'copy', '--all', '--src-tls-verify=false'],
      ...[`docker://${registry}/${repository}:v1`, `dir:${folder}/pulled`],
    ],
  },
  {
    name: 'podman',
    login: ({ registry }, password) => [
      ...['podman', 'login', '--tls-verify=false', '-u', 'alice', '-p', password, registry],
    ],
    push: ({ registry }, { folder }, repository) => [
      ...['skopeo', 'copy', '--all', '--dest-tls-verify=false'],
      ...[`oci:${folder}:v1`, `docker://${registry}/${repository}:v1`],
    ],
    pull: ({ registry, folder }, repository) => [
      ...['podman', '--root', `${folder}/podman`, '--runroot', `${folder}/podman-run`],
      ...['--storage-driver', 'vfs', 'pull', '--tls-verify=false', `${registry}/${repository}:v1`],
    ],
  },
  {
    name: 'crane',
    login: ({ registry }, password) => ['crane', 'auth', 'login', '-u', 'alice', '-p', password, registry],
    push: ({ registry }, { folder }, repository) => [
      ...['crane', 'push', '--index', folder, `${registry}/${repository}:v1`],
    ],
    pull: ({ registry, folder }, repository) => [
      ...['crane', 'pull', '--format=oci', `${registry}/${repository}:v1`, `${folder}/pulled`],
    ],
  },
  {
    name: 'oras',
    login: ({ registry }, password) => [
      ...['oras', 'login', '--plain-http', '-u', 'alice', '-p', password, registry],
    ],
    push: ({ registry }, { folder }, repository) => [
      ...[
        'oras',
        'cp',
        '--to-plain-http',
        '--from-oci-layout',
        `${folder}:v1`,
        `${registry}/${repository}:v1`,
      ],
    ],
    pull: ({ registry, folder }, repository) => [
      ...['oras', 'cp', '--from-plain-http', '--to-oci-layout'],
      ...[`${registry}/${repository}:v1`, `${folder}/pulled:v1`],
    ],
  },
  {
    name: 'helm',
    login: ({ registry }, password) => [
      ...['helm', 'registry', 'login', registry, '--plain-http', '-u', 'alice', '-p', password],
    ],
    push: ({ registry }, _layout, repository) => [
      ...['helm', 'push', '--plain-http', 'demo-0.1.0.tgz', `oci://${registry}/${repository}`],
    ],
    pull: ({ registry }, repository) => [
      ...['helm', 'show', 'chart', '--plain-http', `oci://${registry}/${repository}/demo`],
    ],
  },
];

let session: Session;
let layout: BuiltLayout;
let apiKey = '';
beforeAll(async () => {
  session = await openSession({ isLoggedOut: true, config: writeConfig });
  layout = await buildLayout(session.folder, 'v1');
  await session.run('helm', ['create', 'demo']);
  await session.run('helm', ['package', 'demo']);
  const made = await fetch(`${session.url}/-/api/v1/tokens`, {
    method: 'POST',
    body: JSON.stringify({ label: 'interop' }),
    headers: {
      authorization: `Basic ${Buffer.from(`alice:${PASSWORD}`).toString('base64')}`,
      'content-type': 'application/json',
    },
  });
  expect(made.status).toBe(201);
  apiKey = ((await made.json()) as { readonly token: string }).token;
});
afterAll(() => session.close());
beforeEach(() => rm(join(session.folder, 'pulled'), { recursive: true, force: true }));

async function writeConfig(folder: string): Promise<Readonly<Record<string, unknown>>> {
  const htpasswd = join(folder, 'htpasswd');
  await writeFile(htpasswd, `alice:${HASH}\n`);
  const alice = { policies: [{ users: ['alice'], actions: ['read', 'create', 'update'] }] };
  return {
    http: {
      auth: { htpasswd: { path: htpasswd } },
      accessControl: { repositories: { 'public/**': { ...alice, anonymousPolicy: ['read'] }, '**': alice } },
    },
  };
}

/** A client of its own: nothing of another login is there. */
async function freshClient(): Promise<{ readonly env: Readonly<Record<string, string>> }> {
  const home = await mkdtemp(join(session.folder, 'home-'));
  await mkdir(join(home, 'config'));
  // podman wants the file it is told of.
  await writeFile(join(home, 'auth.json'), '{}');
  return {
    env: {
      HOME: home,
      DOCKER_CONFIG: home,
      REGISTRY_AUTH_FILE: join(home, 'auth.json'),
      XDG_CONFIG_HOME: join(home, 'config'),
      XDG_RUNTIME_DIR: home,
    },
  };
}

function split(command: readonly string[]): readonly [string, readonly string[]] {
  const [program = '', ...args] = command;
  return [program, args];
}

describe.each(CLIENTS)('$name', (client) => {
  it.each(['a password', 'an API key'])('logs in with %s, pushes and pulls', async (what) => {
    const options = await freshClient();
    const { run } = session;
    const repository = `${client.name}/${what.includes('key') ? 'key' : 'password'}`;
    await run(...split(client.login(session, what.includes('key') ? apiKey : PASSWORD)), options);
    await run(...split(client.push(session, layout, repository)), options);
    await run(...split(client.pull(session, repository)), options);
  });

  it('is not logged in by a wrong password', async () => {
    const options = await freshClient();
    const wrong = split(client.login(session, 'a wrong password'));
    // crane keeps what it is given and tries it later.
    if (client.name === 'crane') await session.run(...wrong, options);
    const { stdout, stderr } = await session.mustFail(
      ...(client.name === 'crane' ? split(client.pull(session, 'private/any')) : wrong),
      options,
    );
    expect(stdout + stderr).toMatch(/user name or the password is wrong|unauthorized|401|invalid username/i);
  });

  it('pulls without a login what everybody may read, and nothing else', async () => {
    const alice = await freshClient();
    const nobody = await freshClient();
    const { run, mustFail } = session;
    await run(...split(client.login(session, PASSWORD)), alice);
    for (const repository of [`public/${client.name}`, `private/${client.name}`]) {
      await run(...split(client.push(session, layout, repository)), alice);
    }
    await run(...split(client.pull(session, `public/${client.name}`)), nobody);
    await mustFail(...split(client.pull(session, `private/${client.name}`)), nobody);
    await mustFail(...split(client.push(session, layout, `public/of-nobody/${client.name}`)), nobody);
  });
});
