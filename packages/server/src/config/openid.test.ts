import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BUILT_IN_SECTIONS } from '../composition/built-in-sections.ts';
import { checkExtensions } from '../composition/check-extensions.ts';
import { explainConfig } from './explain.ts';
import { type LoadedConfig, loadConfig } from './load.ts';

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'zas-openid-'));
  await writeFile(join(folder, 'client.json'), '{"ClientId":"registry","clientsecret":"s3cret"}');
  await writeFile(join(folder, 'odd.json'), '{"clientid":"registry","password":"s3cret"}');
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function load(config: object): Promise<LoadedConfig> {
  const file = join(folder, 'config.json');
  await writeFile(file, JSON.stringify(config));
  return loadConfig({ file, flags: {}, env: {}, cwd: folder, cores: 1, sections: BUILT_IN_SECTIONS });
}

async function usable(config: object): Promise<Extract<LoadedConfig, { ok: true }>> {
  const loaded = await load(config);
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.problems));
  return loaded;
}

async function problemsOf(config: object): Promise<readonly string[]> {
  const loaded = await load(config);
  return loaded.ok ? [] : loaded.problems.map(({ place, message }) => `${place} ${message}`);
}

const oidc = { issuer: 'https://id.example.com', scopes: ['openid'], clientid: 'registry' };

describe("zot's openid providers", () => {
  it('take their client from a file, in any spelling of its keys, and never show its secret', async () => {
    const loaded = await usable({
      http: {
        externalUrl: 'https://registry.example.com/',
        auth: {
          openid: {
            callbackAllowOrigins: ['https://ui.example.com/'],
            Providers: {
              oidc: {
                ...oidc,
                ClientID: 'x',
                credentialsFile: join(folder, 'client.json'),
                clientid: undefined,
              },
            },
          },
          sessionDriver: { name: 'local' },
        },
      },
    });
    const { access } = loaded.config;
    expect(access).toMatchObject({
      openid: [{ name: 'oidc', clientId: 'registry', clientSecret: 's3cret' }],
      publicOrigin: 'https://registry.example.com',
      callbackOrigins: ['https://ui.example.com'],
      secureCookies: true,
      unrestricted: ['openid'],
    });
    expect(JSON.stringify(explainConfig(loaded, BUILT_IN_SECTIONS))).not.toContain('s3cret');
  });

  it.each<[what: string, auth: object, problem: RegExp]>([
    [
      'without what a login needs',
      { providers: { oidc: {} } },
      /providers\.oidc\.(issuer|scopes|clientid) is missing/,
    ],
    ['of an unknown name', { providers: { okta: oidc } }, /providers\.okta is no provider/],
    [
      'of half a GitHub',
      { providers: { github: { ...oidc, authurl: 'https://g/x' } } },
      /authurl and tokenurl go together/,
    ],
    [
      'with the address of a GitHub',
      { providers: { oidc: { ...oidc, authurl: 'https://g/x' } } },
      /authurl is for github alone/,
    ],
    [
      'with an address that is no URL',
      { providers: { oidc: { ...oidc, issuer: 'id' } } },
      /issuer must be a whole URL/,
    ],
    [
      'with an unknown key',
      { providers: { oidc: { ...oidc, clientId2: 'x' } } },
      /clientId2 is not a known key/,
    ],
    [
      'with a file of other keys',
      { providers: { oidc: { ...oidc, credentialsFile: 'odd.json' } } },
      /credentialsFile names odd\.json, which/,
    ],
    [
      'with an origin that is a path',
      { callbackAllowOrigins: ['https://x/y'] },
      /callbackAllowOrigins\[0\] must be an origin/,
    ],
  ])('are refused %s', async (_what, openid, problem) => {
    expect((await problemsOf({ http: { auth: { openid } } })).join('\n')).toMatch(problem);
  });
});

describe("zot's issuers of bearer tokens", () => {
  const issuer = { issuer: 'https://kubernetes.default.svc', audiences: ['zot'] };

  it('are taken as zot has them, and close the door to anonymous clients', async () => {
    const { config } = await usable({
      http: {
        auth: {
          bearer: {
            realm: 'zot',
            service: 'zot',
            OIDC: [{ ...issuer, claimmapping: { UserName: 'claims.sub' } }],
          },
        },
      },
    });
    expect(config.access.bearerOidc).toEqual([
      {
        ...issuer,
        skipIssuerVerification: false,
        claimMapping: { variables: [], validations: [], username: 'claims.sub' },
      },
    ]);
    expect(config.access.unrestricted).toEqual(['workload']);
    expect(await checkExtensions(config)).toEqual([]);
  });

  it.each<[what: string, oidc: object, problem: RegExp]>([
    ['without an audience', { ...issuer, audiences: [] }, /oidc\[0\]\.audiences must name an audience/],
    ['with an empty audience', { ...issuer, audiences: [' '] }, /must hold no empty audience/],
    ['without an issuer', { audiences: ['x'] }, /oidc\[0\]\.issuer must be a URL/],
    [
      'with two authorities',
      { ...issuer, certificateAuthority: 'x', certificateAuthorityFile: 'y' },
      /goes not together with certificateAuthority/,
    ],
    [
      'with a file that is not there',
      { ...issuer, certificateAuthorityFile: 'gone.pem' },
      /gone\.pem, which cannot be read/,
    ],
    [
      'with a validation that says nothing',
      { ...issuer, claimMapping: { validations: [{ expression: 'true', message: '' }] } },
      /message must not be empty/,
    ],
  ])('are refused %s', async (_what, one, problem) => {
    expect((await problemsOf({ http: { auth: { bearer: { oidc: [one] } } } })).join('\n')).toMatch(problem);
  });

  it('with an expression that is no CEL are found before the server starts', async () => {
    const { config } = await usable({
      http: { auth: { bearer: { oidc: [{ ...issuer, claimMapping: { username: 'claims.' } }] } } },
    });
    expect((await checkExtensions(config)).join('\n')).toMatch(
      /^http\.auth\.bearer\.oidc\[0\]\.claimMapping: username is no CEL expression/,
    );
  });
});

describe('Our providers', () => {
  const keycloak = { name: 'keycloak', issuer: 'https://id.example.com/realms/main', audience: ['artstore'] };

  it('have defaults for all but name, issuer and audience', async () => {
    const { config } = await usable({ extensions: { rbac: { providers: [keycloak] } } });
    expect(config.sections.rbac?.providers).toMatchObject([
      { ...keycloak, usernameClaim: 'preferred_username', groupsClaim: 'groups', realmRoles: false },
    ]);
    expect(config.access.unrestricted).toEqual([]);
    expect(await checkExtensions(config)).toEqual([]);
  });

  it.each<[what: string, provider: object, problem: RegExp]>([
    [
      'without an audience',
      { ...keycloak, audience: undefined },
      /audience is missing: without it a token made for any/,
    ],
    ['with a name that is no path', { ...keycloak, name: 'Key Cloak' }, /name must be lower-case/],
    ['with HMAC', { ...keycloak, algorithms: ['HS256'] }, /algorithms\[0\] must be among RS256/],
    ['with a query in its address', { ...keycloak, issuer: 'https://x/?a=b' }, /issuer must be a whole URL/],
    [
      'with a file that is not there',
      { ...keycloak, caFile: 'gone.pem' },
      /providers\[0\]\.caFile names gone\.pem/,
    ],
    [
      'with a path inside',
      { ...keycloak, internalUrl: 'http://kc:8080/auth' },
      /internalUrl must be an origin/,
    ],
    [
      'with a secret without client',
      { ...keycloak, clientSecretFile: 'client.json' },
      /clientSecretFile needs clientId/,
    ],
    [
      'with a lifetime below nothing',
      { ...keycloak, maxTokenLifetimeSeconds: -1 },
      /maxTokenLifetimeSeconds must be a whole number/,
    ],
  ])('are refused %s', async (_what, provider, problem) => {
    expect((await problemsOf({ extensions: { rbac: { providers: [provider] } } })).join('\n')).toMatch(
      problem,
    );
  });

  it('are remarked on when their keys cross a network without TLS', async () => {
    const { remarks } = await usable({
      http: { auth: { bearer: { oidc: [{ issuer: 'http://id.example.com', audiences: ['x'] }] } } },
      extensions: {
        rbac: {
          providers: [
            { ...keycloak, name: 'inside', internalUrl: 'http://keycloak:8080' },
            { ...keycloak, name: 'here', issuer: 'http://127.0.0.1:8080/realms/main' },
            keycloak,
          ],
        },
      },
    });
    const places = remarks.filter(({ message }) => message.includes('without TLS')).map(({ place }) => place);
    expect(places).toEqual(['http.auth.bearer.oidc[0].issuer', 'extensions.rbac.providers[0].internalUrl']);
  });

  it('are refused when two have one name, also when one of them is of zot', async () => {
    expect(
      (await problemsOf({ extensions: { rbac: { providers: [keycloak, keycloak] } } })).join('\n'),
    ).toMatch(/providers\[1\]\.name is taken/);
    const { config } = await usable({
      http: { auth: { openid: { providers: { oidc } } } },
      extensions: { rbac: { providers: [{ ...keycloak, name: 'oidc' }] } },
    });
    expect(await checkExtensions(config)).toEqual([
      expect.stringContaining('is the name of http.auth.openid.providers.oidc'),
    ]);
  });
});
