import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { generate } from 'selfsigned';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { BUILT_IN_SECTIONS } from '../composition/built-in-sections.ts';
import { checkExtensions } from '../composition/check-extensions.ts';
import { loadConfig } from './load.ts';

let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'zas-auth-methods-'));
  const { cert, private: key } = await generate([{ name: 'commonName', value: 'localhost' }]);
  for (const name of ['ca.pem', 'cert.pem', 'auth.pem']) await writeFile(join(folder, name), cert);
  await writeFile(join(folder, 'key.pem'), key);
  await writeFile(join(folder, 'ldap.json'), '{"bindDN": "cn=x", "bindPassword": "y"}');
});
afterEach(() => rm(folder, { recursive: true, force: true }));

async function load(auth: object, http: object = {}) {
  const file = join(folder, 'config.json');
  await writeFile(file, JSON.stringify({ http: { ...http, auth } }));
  return loadConfig({ file, flags: {}, env: {}, cwd: folder, cores: 1, sections: BUILT_IN_SECTIONS });
}

async function accessOf(auth: object, http: object = {}) {
  const loaded = await load(auth, http);
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.problems));
  return loaded.config.access;
}

async function placesOf(auth: object, http: object = {}): Promise<readonly string[]> {
  const loaded = await load(auth, http);
  return loaded.ok ? [] : loaded.problems.map(({ place }) => place).sort();
}

const LDAP = { address: 'ldap.example.org', baseDN: 'dc=example', userAttribute: 'uid' };
const TLS = { tls: { cert: 'cert.pem', key: 'key.pem', cacert: 'ca.pem' } };

describe("zot's http.auth.ldap", () => {
  it('is taken whole, keys in any spelling and paths from the working directory', async () => {
    const { ldap, unrestricted } = await accessOf({
      ldap: {
        ...LDAP,
        Port: '1389',
        insecure: true,
        startTLS: true,
        skipVerify: 'false',
        caCert: 'ca.pem',
        userGroupAttribute: 'memberOf',
        userFilter: '(!(locked=TRUE))',
        subtreeSearch: true,
        credentialsFile: 'ldap.json',
      },
    });
    expect(ldap).toEqual({
      host: 'ldap.example.org',
      port: 1389,
      transport: 'starttls',
      skipVerify: false,
      caPath: join(folder, 'ca.pem'),
      baseDn: 'dc=example',
      userAttribute: 'uid',
      groupAttribute: 'memberOf',
      userFilter: '(!(locked=TRUE))',
      isSubtree: true,
      credentialsPath: join(folder, 'ldap.json'),
    });
    expect(unrestricted).toContain('ldap');
  });

  it('is LDAPS unless it says insecure', async () => {
    expect((await accessOf({ ldap: LDAP })).ldap).toMatchObject({ transport: 'ldaps', port: 636 });
    const plain = await accessOf({ ldap: { ...LDAP, insecure: true } });
    expect(plain.ldap).toMatchObject({ transport: 'plain', port: 389 });
  });

  it('needs an address, a base and the attribute of names', async () => {
    expect(await placesOf({ ldap: {} })).toEqual([
      'http.auth.ldap.address',
      'http.auth.ldap.baseDN',
      'http.auth.ldap.userAttribute',
    ]);
    expect(await placesOf({ ldap: { ...LDAP, address: 'ldap://x' } })).toEqual(['http.auth.ldap.address']);
    expect(await placesOf({ ldap: { ...LDAP, userAttribute: 'uid)(x' } })).toEqual([
      'http.auth.ldap.userAttribute',
    ]);
  });
});

describe("zot's http.auth.bearer", () => {
  const BEARER = { realm: 'https://auth.example.org/token', service: 'registry', cert: 'auth.pem' };

  it('names a token server and its certificate', async () => {
    expect((await accessOf({ bearer: BEARER })).tokenServer).toEqual({
      realm: BEARER.realm,
      service: 'registry',
      certPath: join(folder, 'auth.pem'),
    });
  });

  it('needs a realm and a service with the certificate', async () => {
    expect(await placesOf({ bearer: { cert: 'auth.pem' } })).toEqual([
      'http.auth.bearer.realm',
      'http.auth.bearer.service',
    ]);
    expect(await placesOf({ bearer: { ...BEARER, service: 'a"b' } })).toEqual(['http.auth.bearer.service']);
    expect(await placesOf({ bearer: { ...BEARER, awsSecretsManager: { region: 'x' } } })).toEqual([
      'http.auth.bearer.awsSecretsManager',
    ]);
  });

  it('needs https for the token server behind it, unless it says otherwise', async () => {
    const place = 'http.auth.bearer.upstreamTokenEndpoint';
    const upstream = (section: object) => ({ bearer: { ...BEARER, upstreamTokenEndpoint: section } });
    expect(await placesOf(upstream({ realm: 'https://x/token' }))).toEqual([place]);
    expect(await placesOf(upstream({ realm: 'http://x/token', service: 's' }))).toEqual([`${place}.realm`]);
    const insecure = { realm: 'http://x/token', service: 's', allowInsecureHttp: true };
    expect((await accessOf(upstream(insecure))).upstreamTokenEndpoint).toEqual({
      realm: 'http://x/token',
      service: 's',
    });
  });
});

describe("zot's http.auth.mtls", () => {
  it('says which part of a certificate is the name', async () => {
    const mtls = {
      identityAttributes: ['URI', ' CommonName'],
      uriSanPattern: 'spiffe://(.*)',
      uriSanIndex: 1,
    };
    expect((await accessOf({ mtls }, TLS)).clientCertificates).toEqual({
      identityAttributes: ['uri', 'commonname'],
      uriPattern: 'spiffe://(.*)',
      uriIndex: 1,
      dnsIndex: 0,
      emailIndex: 0,
    });
    expect((await accessOf({}, TLS)).clientCertificates?.identityAttributes).toEqual(['commonname']);
  });

  it('needs authorities, and attributes that exist', async () => {
    expect(await placesOf({ mtls: {} })).toEqual(['http.auth.mtls']);
    expect(await placesOf({ mtls: { identityAttributes: ['Serial'] } }, TLS)).toEqual([
      'http.auth.mtls.identityAttributes[0]',
    ]);
  });
});

describe('zas config check', () => {
  const problemsOf = async (auth: object, http: object = {}) => {
    const loaded = await load(auth, http);
    if (!loaded.ok) throw new Error(JSON.stringify(loaded.problems));
    return checkExtensions(loaded.config);
  };

  it('finds filters, patterns, credentials and keys that are none', async () => {
    expect(await problemsOf({ ldap: { ...LDAP, userFilter: '(uid=' } })).toEqual([
      expect.stringMatching(/^http\.auth\.ldap\.userFilter /),
    ]);
    await writeFile(join(folder, 'ldap.json'), '{"bindDN": "cn=x", "password": "y"}');
    expect(await problemsOf({ ldap: { ...LDAP, credentialsFile: 'ldap.json' } })).toEqual([
      expect.stringMatching(/^http\.auth\.ldap\.credentialsFile: .*bindPassword/),
    ]);
    await writeFile(join(folder, 'auth.pem'), 'no key');
    const bearer = { realm: 'https://auth.example.org/token', service: 'registry', cert: 'auth.pem' };
    expect(await problemsOf({ bearer })).toEqual([expect.stringMatching(/^http\.auth\.bearer\.cert: /)]);
    expect(await problemsOf({ mtls: { uriSanPattern: '(' } }, TLS)).toEqual([
      expect.stringMatching(/^http\.auth\.mtls\.uriSanPattern /),
    ]);
  });

  it('finds nothing wrong with what works', async () => {
    const ldap = { ...LDAP, userFilter: '!(locked=TRUE)', credentialsFile: 'ldap.json' };
    const bearer = { realm: 'https://auth.example.org/token', service: 'registry', cert: 'auth.pem' };
    expect(await problemsOf({ ldap, bearer, mtls: { uriSanPattern: 'spiffe://(.*)' } }, TLS)).toEqual([]);
  });
});
