import { describe, expect, it } from 'vitest';
import type { RequestRecord } from '../../../extension/recorder.ts';
import { auditEntry } from './audit-entry.ts';
import { canonicalJson } from './canonical-json.ts';
import { isRecorded } from './is-recorded.ts';
import { plainText } from './plain-text.ts';

function record(given: Partial<RequestRecord> = {}): RequestRecord {
  return {
    id: 'r-1',
    method: 'PUT',
    path: '/v2/app/manifests/v1',
    protocol: 'oci',
    operation: 'oci.PutManifest',
    status: 201,
    durationMs: 1.5,
    bytesIn: 10,
    bytesOut: 0,
    principal: {
      kind: 'user',
      name: 'alice',
      groups: ['dev'],
      roles: ['developer'],
      via: 'oidc',
      isRoot: false,
      subject: { issuer: 'https://id.example.com', id: 'f3' },
      credential: { kind: 'token', id: 'jti-1' },
    },
    triedAs: undefined,
    hasCredentials: true,
    remoteAddress: '192.0.2.1',
    forwardedFor: undefined,
    userAgent: 'docker/27',
    errorKind: undefined,
    errorMessage: undefined,
    reason: undefined,
    judgements: [
      {
        permission: { action: 'oci:Push', resource: 'repository:app' },
        decision: {
          effect: 'allow',
          decidedBy: { effect: 'allow', decidedBy: { document: 'policy "dev"', statement: '0' } },
          opinions: [],
        },
      },
    ],
    notes: undefined,
    digest: 'sha256:abc',
    versionId: undefined,
    isCut: false,
    ...given,
  };
}

describe('an entry of the trail', () => {
  it('says who did what, from where, with which result, and which statement allowed it', () => {
    const entry = auditEntry(record(), Date.UTC(2026, 0, 2));
    expect(JSON.parse(canonicalJson(entry))).toEqual({
      type: 'request',
      time: '2026-01-02T00:00:00.000Z',
      event: 'change',
      result: 'done',
      who: {
        name: 'alice',
        via: 'oidc',
        issuer: 'https://id.example.com',
        subject: 'f3',
        credential: { kind: 'token', id: 'jti-1' },
        groups: ['dev'],
        roles: ['developer'],
      },
      from: { address: '192.0.2.1', userAgent: 'docker/27' },
      request: {
        id: 'r-1',
        method: 'PUT',
        path: '/v2/app/manifests/v1',
        operation: 'oci.PutManifest',
        status: 201,
        durationMs: 2,
        bytesIn: 10,
      },
      decisions: [
        {
          action: 'oci:Push',
          resource: 'repository:app',
          effect: 'allow',
          document: 'policy "dev"',
          statement: '0',
        },
      ],
      digest: 'sha256:abc',
    });
  });

  it('tells failed logins, refusals, deletions and what an operation noted apart', () => {
    const eventOf = (given: Partial<RequestRecord>) => auditEntry(record(given), 0).event;
    const anonymous = { principal: { kind: 'anonymous' } } as const;
    expect(eventOf({ ...anonymous, errorKind: 'unauthenticated', triedAs: 'mallory' })).toBe('login-failed');
    expect(eventOf({ ...anonymous, errorKind: 'unauthenticated', hasCredentials: false })).toBe('refusal');
    expect(eventOf({ errorKind: 'denied' })).toBe('refusal');
    expect(eventOf({ method: 'DELETE' })).toBe('delete');
    expect(eventOf({ method: 'GET' })).toBe('read');
    expect(eventOf({ method: 'GET', notes: { event: 'login', source: 'ldap' } })).toBe('login');
  });

  it('keeps the denial when there were too many decisions, and says how many are left out', () => {
    const [allowed] = record().judgements;
    if (allowed === undefined) throw new Error('there is one');
    const denied = { ...allowed, decision: { effect: 'deny', opinions: [] } } as const;
    const entry = auditEntry(
      record({ judgements: [...Array.from({ length: 20 }, () => allowed), denied] }),
      0,
    );
    expect(entry.decisions).toHaveLength(8);
    expect(entry.decisionsLeftOut).toBe(13);
    expect(entry.decisions).toContainEqual(expect.objectContaining({ effect: 'deny' }));
  });

  it('bounds what clients send, and shows its control characters', () => {
    const hostile = `\u001b[2J\u202e\u0085${'x'.repeat(10_000)}`;
    const entry = auditEntry(
      record({ userAgent: hostile, path: hostile, principal: { kind: 'anonymous' }, triedAs: hostile }),
      0,
    );
    const text = canonicalJson(entry);
    expect(text.length).toBeLessThan(3000);
    expect(text).toContain('\\\\u001b[2J\\\\u202e\\\\u0085');
    expect(text).not.toContain('\u202e');
  });
});

describe('the trail', () => {
  it.each<[what: string, given: Partial<RequestRecord>, isIn: boolean]>([
    ['a change', {}, true],
    ['a change that failed', { status: 400, errorKind: 'manifest-invalid' }, true],
    ['a refused read', { method: 'GET', status: 403, errorKind: 'denied' }, true],
    ['a read', { method: 'GET', status: 200 }, false],
    ['a login by GET that noted itself', { method: 'GET', notes: { event: 'login' } }, true],
    [
      'the question how to log in',
      { method: 'GET', operation: 'oci.Ping', errorKind: 'unauthenticated', hasCredentials: false },
      false,
    ],
    [
      'a wrong password at the same place',
      { method: 'GET', operation: 'oci.Ping', errorKind: 'unauthenticated' },
      true,
    ],
    ['a health check', { method: 'POST', operation: 'health.Ready' }, false],
    ['a path nobody serves', { operation: undefined, status: 404 }, false],
  ])('has or has not %s', (_what, given, isIn) => {
    expect(isRecorded(record(given), { reads: false })).toBe(isIn);
  });

  it('has reads when it is told to', () => {
    expect(isRecorded(record({ method: 'GET', status: 200 }), { reads: true })).toBe(true);
    expect(
      isRecorded(record({ method: 'GET', status: 404, errorKind: 'blob-unknown' }), { reads: true }),
    ).toBe(false);
  });
});

it('canonical JSON sorts names by code units and has no lone surrogates', () => {
  expect(canonicalJson({ b: [1, { d: true, c: null }], a: 'x\ud800', '\u20ac': '"', left: undefined })).toBe(
    '{"a":"x\ufffd","b":[1,{"c":null,"d":true}],"\u20ac":"\\""}',
  );
});

it('a text without control characters stays as it is', () => {
  expect(plainText('Zürich 東京', 100)).toBe('Zürich 東京');
  expect(plainText('abcdef', 3)).toBe('abc…');
});
