import { isStoreError } from '@zot-artifact-store/spec';
import { TestIssuer } from '@zot-artifact-store/testkit/test-issuer.ts';
import pino from 'pino';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createIssuerFetch } from './issuer-fetch.ts';
import { IssuerKeys } from './issuer-keys.ts';
import { ALGORITHMS, type IssuerOptions } from './provider.ts';

let issuer: TestIssuer;
let keys: IssuerKeys | undefined;
let nowMs = 0;

beforeEach(async () => {
  nowMs = 1_000_000;
  issuer = await TestIssuer.start();
});
afterEach(async () => {
  await keys?.stop();
  await issuer.goDown();
});

function open(options: Partial<IssuerOptions> = {}): IssuerKeys {
  const all = { issuer: issuer.url, algorithms: ALGORITHMS, maxStaleMs: 3_600_000, ...options };
  const fetch = createIssuerFetch({ issuer: all.issuer, internalUrl: all.internalUrl });
  keys = new IssuerKeys({ options: all, fetch, clock: { now: () => nowMs }, log: pino({ level: 'silent' }) });
  return keys;
}

async function outcome(promise: Promise<unknown>): Promise<string> {
  try {
    await promise;
    return 'found';
  } catch (error) {
    if (isStoreError(error)) return error.kind;
    throw error;
  }
}

const asksForKeys = () => issuer.requests.filter((path) => path === '/certs').length;

describe('The keys of an issuer', () => {
  it('are found by discovery, and fetched once for many tokens at the same time', async () => {
    const opened = open();
    const found = await Promise.all(
      Array.from({ length: 20 }, () => outcome(opened.find(issuer.keyId, 'RS256'))),
    );
    expect(new Set(found)).toEqual(new Set(['found']));
    expect(asksForKeys()).toBe(1);
  });

  it('are fetched again for a key id nobody knows, and a flood of invented ones stops that for half a minute', async () => {
    const opened = open();
    await opened.find(issuer.keyId, 'RS256');
    await issuer.rotate();
    expect(await outcome(opened.find(issuer.keyId, 'RS256'))).toBe('found');
    expect(asksForKeys()).toBe(2);
    for (let i = 0; i < 50; i += 1)
      expect(await outcome(opened.find(`invented-${i}`, 'RS256'))).toBe('unauthenticated');
    expect(asksForKeys()).toBe(4);
    await issuer.rotate();
    nowMs += 30_000;
    expect(await outcome(opened.find(issuer.keyId, 'RS256'))).toBe('found');
  });

  it('are gone as soon as an answer leaves them out, which also changes the version', async () => {
    const opened = open();
    const old = issuer.keyId;
    await opened.find(old, 'RS256');
    const { version } = opened;
    await opened.refresh();
    expect(opened.version).toBe(version);
    await issuer.rotate({ forgetOld: true });
    await opened.refresh();
    expect(opened.version).toBe(version + 1);
    expect(await outcome(opened.find(old, 'RS256'))).toBe('unauthenticated');
  });

  it('go on working while the issuer is down, unknown ones do not, and the problem is told until it is over', async () => {
    const opened = open();
    await opened.find(issuer.keyId, 'RS256');
    await issuer.goDown();
    nowMs += 1_800_000;
    await opened.refresh();
    expect(await outcome(opened.find(issuer.keyId, 'RS256'))).toBe('found');
    expect(await outcome(opened.find('new', 'RS256'))).toBe('unavailable');
    expect(opened.problem).toContain(issuer.url);
    await issuer.listen();
    await opened.refresh();
    expect(opened.problem).toBeUndefined();
  });

  it('are found at once while the issuer takes for ever to answer', async () => {
    const opened = open();
    await opened.find(issuer.keyId, 'RS256');
    issuer.isHanging = true;
    const refreshing = opened.refresh();
    expect(await outcome(opened.find(issuer.keyId, 'RS256'))).toBe('found');
    await issuer.goDown();
    await refreshing;
    expect(opened.problem).toBeDefined();
  });

  it('fail closed once the issuer was down for longer than the configuration allows', async () => {
    const opened = open();
    await opened.find(issuer.keyId, 'RS256');
    await issuer.goDown();
    nowMs += 3_600_001;
    expect(await outcome(opened.find(issuer.keyId, 'RS256'))).toBe('unavailable');
  });

  it('are not used when the discovery document is of another issuer', async () => {
    const opened = open({ issuer: `${issuer.url}/` });
    expect(await outcome(opened.find(issuer.keyId, 'RS256'))).toBe('unavailable');
    expect(opened.problem).toContain('the same to the letter');
  });

  it('come from a given address without discovery, and through an internal one', async () => {
    const direct = open({ jwksUri: `${issuer.url}/certs` });
    expect(await outcome(direct.find(issuer.keyId, 'RS256'))).toBe('found');
    expect(issuer.requests).toEqual(['/certs']);
    const inside = open({
      issuer: 'https://id.example.com/realms/test',
      internalUrl: new URL(issuer.url).origin,
      jwksUri: 'https://id.example.com/realms/test/certs',
    });
    expect(await outcome(inside.find(issuer.keyId, 'RS256'))).toBe('found');
  });

  it('are of one type each: a key of RSA checks no other signature', async () => {
    const opened = open();
    expect(await outcome(opened.find(issuer.keyId, 'ES256'))).toBe('unauthenticated');
    expect(await outcome(opened.find(undefined, 'RS256'))).toBe('found');
    await issuer.rotate();
    await opened.refresh();
    expect(await outcome(opened.find(undefined, 'RS256'))).toBe('unauthenticated');
  });

  it('are not asked for over a redirect', async () => {
    const fetch = createIssuerFetch({ issuer: issuer.url });
    const answer = await fetch(`${issuer.url}/logout?post_logout_redirect_uri=http://127.0.0.1:1/`);
    expect(answer.status).toBe(302);
  });
});
