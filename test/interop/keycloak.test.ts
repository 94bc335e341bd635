import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type RunningServer, startServer } from '@zot-artifact-store/testkit';
import { type Browser, chromium, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createRunner } from './client-runner.ts';
import { AWS_CLI, CHROMIUM, clientPath, KEYCLOAK_FOLDER } from './clients.ts';
import { type BuiltLayout, buildLayout } from './image-layout.ts';
import { freePorts, Keycloak } from './keycloak/keycloak.ts';

const MAIN = fileURLToPath(new URL('../../packages/server/src/main.ts', import.meta.url));

let keycloak: Keycloak;
let server: RunningServer;
let browser: Browser;
let folder: string;
let layout: BuiltLayout;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'zas-keycloak-'));
  [keycloak, browser, layout] = await Promise.all([
    Keycloak.start(),
    chromium.launch({ executablePath: CHROMIUM, args: ['--no-sandbox', '--disable-dev-shm-usage'] }),
    buildLayout(folder, 'v1'),
  ]);
  server = await startServer({
    workers: 2,
    config: {
      http: {
        accessControl: {
          repositories: {
            'team-a/**': { policies: [{ groups: ['team-a'], actions: ['read', 'create', 'update'] }] },
          },
        },
      },
      extensions: {
        rbac: {
          providers: [
            {
              name: 'keycloak',
              issuer: keycloak.issuer,
              audience: ['artstore'],
              clientId: 'artstore-console',
              clientSecretFile: fileURLToPath(new URL('keycloak/console-secret', import.meta.url)),
              cliClientId: 'artstore-cli',
            },
          ],
        },
      },
    },
  });
}, 400_000);

afterAll(async () => {
  await browser?.close();
  await server?.stop();
  await keycloak?.stop();
  await rm(folder, { recursive: true, force: true });
});

interface AuditRecord {
  readonly who: { readonly name: string; readonly issuer?: string; readonly subject?: string };
  readonly request: { readonly operation: string };
  readonly result: string;
}

interface Caller {
  readonly name?: string;
  readonly groups?: readonly string[];
  readonly roles?: readonly string[];
  readonly via?: string;
}

async function ask(token: string): Promise<{ readonly status: number; readonly caller: Caller }> {
  const answer = await fetch(`${server.url}/-/api/v1/whoami`, {
    headers: { authorization: `Bearer ${token}` },
  });
  return { status: answer.status, caller: (await answer.json()) as Caller }; // checked by the tests
}

const host = () => new URL(server.url).host;

function clients() {
  const env = {
    PATH: clientPath(),
    HOME: folder,
    XDG_RUNTIME_DIR: folder,
    XDG_CONFIG_HOME: join(folder, 'config'),
    XDG_DATA_HOME: join(folder, 'share'),
    REGISTRY_AUTH_FILE: join(folder, 'auth.json'),
    TMPDIR: folder,
    ZAS_SERVER: server.url,
  };
  return createRunner(server, folder, env);
}

/** Fills in the login page of Keycloak. */
async function logInAt(page: Page, user: string, password = `${user}-password`): Promise<void> {
  await page.fill('#username', user);
  await page.fill('#password', password);
  await page.click('#kc-login');
}

/** `zas login`, with alice before the browser; what it said. */
async function zasLogin(url: string, password: string): Promise<string> {
  const env = { ...process.env, XDG_CONFIG_HOME: join(folder, 'config'), ZAS_SERVER: url };
  const login = spawn(process.execPath, [MAIN, 'login'], { env, stdio: ['ignore', 'pipe', 'inherit'] });
  let said = '';
  const address = new Promise<string>((resolve) => {
    login.stdout.setEncoding('utf8').on('data', (text: string) => {
      said += text;
      const [, place] = /^Open (\S+)/m.exec(said) ?? [];
      if (place !== undefined) resolve(place);
    });
  });
  const ended = new Promise<number | null>((resolve) => login.on('close', resolve));
  const context = await browser.newContext();
  const page = await context.newPage();
  await page.goto(await address);
  await logInAt(page, 'alice', password);
  await page.click('#kc-login'); // "Do you grant these access privileges?"
  expect(await ended).toBe(0);
  await context.close();
  return said;
}

/** Who a page of the server's own origin is to it. */
function whoIsPage(page: Page): Promise<Caller> {
  return page.evaluate(async () => {
    const answer = await fetch('/-/api/v1/whoami', { headers: { 'x-zot-api-client': 'zot-ui' } });
    return (await answer.json()) as Caller; // checked by the tests
  });
}

describe('With Keycloak', () => {
  it('a person by password grant and a program by client credentials are who the realm says', async () => {
    const { access_token: alice } = await keycloak.password('alice');
    expect(await ask(alice)).toMatchObject({
      status: 200,
      caller: { name: 'alice', groups: ['team-a'], roles: ['developer'], via: 'oidc' },
    });
    const { access_token: ci } = await keycloak.token({
      grant_type: 'client_credentials',
      client_id: 'ci',
      client_secret: 'ci-secret',
    });
    expect(await ask(ci)).toMatchObject({
      status: 200,
      caller: { name: 'service-account-ci', roles: ['developer'] },
    });
  });

  it('tokens for another application, ID tokens and refresh tokens are refused', async () => {
    const { access_token: foreign } = await keycloak.password('alice', 'other-app');
    expect((await ask(foreign)).status).toBe(401);
    const { id_token: idToken, refresh_token: refreshToken } = await keycloak.password('alice');
    expect((await ask(idToken)).status).toBe(401);
    expect((await ask(refreshToken)).status).toBe(401);
  });

  it('skopeo and podman log in with a token as password, and may push where the group may', async () => {
    const { run, mustFail } = clients();
    const { access_token: alice } = await keycloak.password('alice');
    const { access_token: bob } = await keycloak.password('bob');
    const copy = (name: string, user: string, token: string) => [
      'copy',
      '--all',
      '--dest-tls-verify=false',
      `--dest-creds=${user}:${token}`,
      `oci:${layout.folder}:v1`,
      `docker://${host()}/${name}:v1`,
    ];
    await run('skopeo', copy('team-a/app', 'alice', alice));
    await mustFail('skopeo', copy('team-b/app', 'alice', alice));
    await mustFail('skopeo', copy('team-a/app', 'bob', bob));
    await mustFail('skopeo', copy('team-a/app', 'bob', alice));
    const login = (user: string, token: string) => [
      'login',
      '--tls-verify=false',
      '--username',
      user,
      '--password',
      token,
      host(),
    ];
    await run('podman', login('oauth2', alice));
    await run('skopeo', ['inspect', '--raw', '--tls-verify=false', `docker://${host()}/team-a/app:v1`]);
    await mustFail('podman', login('alice', `${alice}x`));
    await run('podman', ['logout', host()]);
  });

  it('"zas login" by device flow and a browser elsewhere gives the command line the same identity', async () => {
    const { run } = clients();
    expect(await zasLogin(server.url, 'alice-password')).toContain(`You are alice at ${server.url}.`);
    const who = await run(process.execPath, [MAIN, 'whoami', '--json']);
    expect(JSON.parse(who.stdout)).toMatchObject({ name: 'alice', groups: ['team-a'], roles: ['developer'] });
    await run(process.execPath, [MAIN, 'logout']);
    expect(JSON.parse((await run(process.execPath, [MAIN, 'whoami', '--json'])).stdout)).toEqual({
      anonymous: true,
    });
  });

  it('a browser logs in by code flow, and out again here and there', async () => {
    const context = await browser.newContext();
    const page = await context.newPage();
    await page.goto(`${server.url}/zot/auth/login?provider=keycloak&callback_ui=/livez`);
    await logInAt(page, 'alice');
    await page.waitForURL(`${server.url}/livez`);
    expect(await whoIsPage(page)).toMatchObject({
      name: 'alice',
      groups: ['team-a'],
      roles: ['developer'],
      via: 'session',
    });
    const end = await page.evaluate(async () => {
      const answer = await fetch('/zot/auth/logout', {
        method: 'POST',
        headers: { 'x-zot-api-client': 'zot-ui' },
      });
      return ((await answer.json()) as { endSessionUrl: string }).endSessionUrl;
    });
    expect(await whoIsPage(page)).toEqual({ anonymous: true });
    await page.goto(end);
    await page.waitForURL(`${server.url}/`);
    await page.goto(`${server.url}/zot/auth/login?provider=keycloak`);
    await page.waitForSelector('#username');
    await context.close();
  });

  it('an administrator who ends the logins of a user at Keycloak ends them here', async () => {
    const [client] = (await keycloak.admin('GET', '/clients?clientId=artstore-console')) as [{ id: string }];
    await keycloak.admin('PUT', `/clients/${client.id}`, {
      ...client,
      attributes: {
        ...(client as { attributes?: object }).attributes,
        'backchannel.logout.url': `${server.url}/zot/auth/backchannel-logout/keycloak`,
      },
    });
    const context = await browser.newContext();
    const page = await context.newPage();
    await page.goto(`${server.url}/zot/auth/login?provider=keycloak&callback_ui=/livez`);
    await logInAt(page, 'bob');
    await page.waitForURL(`${server.url}/livez`);
    expect(await whoIsPage(page)).toMatchObject({ name: 'bob' });
    await keycloak.admin('POST', `/users/${await userId('bob')}/logout`);
    await expect.poll(() => whoIsPage(page), { timeout: 20_000 }).toEqual({ anonymous: true });
    await context.close();
  });

  it('keys are rotated while the server runs, and a key that was disabled counts no more', async () => {
    const { access_token: before } = await keycloak.password('alice');
    const first = await addKey('first', 200);
    const { access_token: withFirst } = await keycloak.password('alice');
    expect((await ask(withFirst)).status).toBe(200);
    expect((await ask(before)).status).toBe(200);
    await addKey('second', 300);
    await keycloak.admin('PUT', `/components/${first.id}`, {
      ...first,
      config: { ...first.config, enabled: ['false'], active: ['false'] },
    });
    const { access_token: withSecond } = await keycloak.password('alice');
    // Each of the two workers learns of it on its own.
    await expect.poll(async () => (await ask(withSecond)).status, { timeout: 20_000 }).toBe(200);
    await expect
      .poll(
        async () => {
          await ask(withSecond);
          return (await ask(withFirst)).status;
        },
        { timeout: 20_000 },
      )
      .toBe(401);
  });

  it('a user who loses a role and a group loses what they gave with the next token', async () => {
    const { mustFail } = clients();
    const id = await userId('alice');
    const [client] = (await keycloak.admin('GET', '/clients?clientId=artstore')) as [{ id: string }];
    const mappings = `/users/${id}/role-mappings/clients/${client.id}`;
    await keycloak.admin('DELETE', mappings, await keycloak.admin('GET', mappings));
    const [group] = (await keycloak.admin('GET', `/users/${id}/groups`)) as [{ id: string }];
    await keycloak.admin('DELETE', `/users/${id}/groups/${group.id}`);
    const { access_token: alice } = await keycloak.password('alice');
    const { caller } = await ask(alice);
    expect(caller).toMatchObject({ name: 'alice', roles: [] });
    expect(caller.groups).toEqual([]);
    const args = [
      'inspect',
      '--raw',
      '--tls-verify=false',
      `--creds=alice:${alice}`,
      `docker://${host()}/team-a/app:v1`,
    ];
    await mustFail('skopeo', args);
  });

  it('the commands of docs/keycloak.md lead from an empty realm to docker login and S3 keys', async () => {
    const page = await readFile(new URL('../../docs/keycloak.md', import.meta.url), 'utf8');
    const blocks = (language: string) =>
      [...page.matchAll(new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\``, 'gms'))].map(([, text = '']) => text);
    const [realm = '', ...rest] = blocks('sh');
    const sts = rest.pop() ?? '';
    const ci = rest.pop() ?? '';
    const [port = 0] = await freePorts(1);
    const registry = `http://127.0.0.1:${port}`;
    const env = {
      KEYCLOAK: keycloak.url,
      REGISTRY: registry,
      HOST: new URL(registry).host,
      KC_ADMIN_PASSWORD: 'admin',
      // The page calls Java some twenty times.
      KC_OPTS: '-XX:TieredStopAtLevel=1 -XX:+UseSerialGC -Xshare:auto',
      PATH: `${join(KEYCLOAK_FOLDER, 'bin')}:${clientPath()}`,
    };
    const { run } = clients();
    const secret = join(folder, 'ci-secret');
    const script = [realm, ...rest, `echo "$CI_SECRET" >${secret}`].join('\n');
    await run('bash', ['-euc', script], { env });

    const [config = ''] = blocks('yaml');
    const path = join(folder, 'config.yaml');
    const ours = config
      .replaceAll('https://registry.example.com', registry)
      .replaceAll('https://id.example.com', keycloak.url)
      .replaceAll('console-secret', join(folder, 'console-secret'));
    await writeFile(path, ours);
    await using documented = await startDocumented(path, port);
    expect(await zasLogin(documented.url, 'correct horse')).toContain(`You are alice at ${registry}.`);
    const zas = { env: { ...env, ZAS_SERVER: registry } };
    const token = (await run(process.execPath, [MAIN, 'print-token'], zas)).stdout.trim();
    const push = (name: string, creds: string) => [
      ...['copy', '--all', '--dest-tls-verify=false', `--dest-creds=${creds}`],
      ...[`oci:${layout.folder}:v1`, `docker://${env.HOST}/${name}:v1`],
    ];
    await run('skopeo', push('team-a/app', `oauth2:${token}`));
    await clients().mustFail('skopeo', push('team-b/app', `oauth2:${token}`));
    const docker = 'docker() { podman "$@" --tls-verify=false; }';
    await run('bash', ['-euc', `${docker}\nCI_SECRET=$(cat ${secret})\n${ci}`], { env });

    const commands = `zas() { ${process.execPath} ${MAIN} "$@"; }; aws() { ${AWS_CLI.v2} "$@"; }`;
    const { stdout } = await run('bash', ['-euc', `${commands}\n${sts}`], { env });
    const { Credentials: keys } = JSON.parse(stdout) as { Credentials: Readonly<Record<string, string>> };
    const session = {
      AWS_ACCESS_KEY_ID: keys.AccessKeyId ?? '',
      AWS_SECRET_ACCESS_KEY: keys.SecretAccessKey ?? '',
      AWS_SESSION_TOKEN: keys.SessionToken ?? '',
      AWS_DEFAULT_REGION: 'us-east-1',
    };
    const s3 = (...args: readonly string[]) => ['--endpoint-url', registry, 's3', ...args];
    await run(AWS_CLI.v2, s3('mb', 's3://team-a-data'), { env: session });
    await run(AWS_CLI.v2, s3('cp', path, 's3://team-a-data/config.yaml'), { env: session });
    await clients().mustFail(AWS_CLI.v2, s3('mb', 's3://team-b-data'), { env: session });
    await clients().mustFail(AWS_CLI.v2, s3('rm', 's3://team-a-data/config.yaml'), { env: session });

    // Whatever way she came, it was one alice.
    const trail = await fetch(`${registry}/-/api/v1/audit?user=alice&limit=1000`, {
      headers: { authorization: documented.rootAuthorization },
    });
    const { items } = (await trail.json()) as { items: readonly AuditRecord[] };
    expect(new Set(items.map(({ who }) => `${who.name} ${who.issuer} ${who.subject}`)).size).toBe(1);
    const seen = items.map(({ request, result }) => `${request.operation} ${result}`);
    expect(seen).toEqual(
      expect.arrayContaining([
        'oci.PutManifest done',
        's3.CreateBucket done',
        's3.PutObject done',
        's3.CreateBucket refused',
        's3.DeleteObject refused',
      ]),
    );
  }, 400_000);

  it('while Keycloak is down its tokens go on working, and when it is back new ones do', async () => {
    const { access_token: alice } = await keycloak.password('alice');
    expect((await ask(alice)).status).toBe(200);
    await keycloak.stop();
    for (let i = 0; i < 10; i += 1) expect((await ask(alice)).status).toBe(200);
    const [header = '', ...rest] = alice.split('.');
    const claims = JSON.parse(Buffer.from(header, 'base64url').toString());
    const unknown = Buffer.from(JSON.stringify({ ...claims, kid: 'new' })).toString('base64url');
    expect([401, 503]).toContain((await ask([unknown, ...rest].join('.'))).status);
    expect((await fetch(`${server.url}/readyz`)).status).toBe(200);
    await keycloak.resume();
    const { access_token: again } = await keycloak.password('alice');
    await expect.poll(async () => (await ask(again)).status, { timeout: 60_000 }).toBe(200);
  }, 400_000);
});

/** The server of the page, on the port that the realm knows. */
async function startDocumented(
  config: string,
  port: number,
): Promise<AsyncDisposable & Pick<RunningServer, 'url' | 'rootAuthorization'>> {
  const documented = await startServer({ config, port, workers: 1, dataDir: join(folder, 'documented') });
  const { url, rootAuthorization } = documented;
  return { url, rootAuthorization, [Symbol.asyncDispose]: () => documented.stop() };
}

async function userId(name: string): Promise<string> {
  const [user] = (await keycloak.admin('GET', `/users?username=${name}&exact=true`)) as [{ id: string }];
  return user.id;
}

interface KeyComponent {
  readonly id: string;
  readonly config: Readonly<Record<string, readonly string[]>>;
}

/** A signing key that is used from now on, because its priority is the highest. */
async function addKey(name: string, priority: number): Promise<KeyComponent> {
  await keycloak.admin('POST', '/components', {
    name,
    providerId: 'rsa-generated',
    providerType: 'org.keycloak.keys.KeyProvider',
    config: {
      priority: [String(priority)],
      enabled: ['true'],
      active: ['true'],
      keySize: ['2048'],
      algorithm: ['RS256'],
    },
  });
  const [made] = (await keycloak.admin('GET', `/components?name=${name}`)) as [KeyComponent];
  return made;
}
