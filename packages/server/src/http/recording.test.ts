import { StoreError } from '@zot-artifact-store/spec';
import { type HttpRun, runHttp, type TestRoutes } from '@zot-artifact-store/testkit/http-run.ts';
import { afterEach, describe, expect, it } from 'vitest';
import type { Recorder, RequestRecord } from '../extension/recorder.ts';

let run: HttpRun | undefined;
afterEach(async () => {
  await run?.close();
  run = undefined;
});

const FULL = new StoreError('unavailable', 'the trail cannot be written');

async function start(recorder: Recorder, routes: TestRoutes = {}): Promise<HttpRun> {
  run = await runHttp(
    { change: () => ({ status: 201, headers: {} }), ...routes },
    {
      recorders: [recorder],
      authenticators: [
        {
          authenticate: async ({ headers }) =>
            headers.authorization === undefined
              ? { outcome: 'abstain' }
              : { outcome: 'refuse', message: 'wrong' },
        },
      ],
      authorizers: [
        {
          authorize: (_principal, { action }) =>
            action === 'test:forbidden'
              ? {
                  effect: 'deny',
                  reason: 'nobody may',
                  decidedBy: { document: 'policy "no"', statement: '0' },
                }
              : { effect: 'allow', decidedBy: { document: 'policy "yes"' } },
        },
      ],
    },
  );
  return run;
}

describe('a recorder', () => {
  it('is awaited before the answer, and told who decided and what the operation noted', async () => {
    const written = Promise.withResolvers<void>();
    const records: RequestRecord[] = [];
    const { url } = await start(
      {
        record: (record) => {
          records.push(record);
          return record.operation === 'noted' ? written.promise : undefined;
        },
      },
      {
        noted: (context) => {
          context.note({ event: 'login' });
          context.note({ keys: 3 });
          return { status: 201, headers: { 'docker-content-digest': 'sha256:1' } };
        },
      },
    );
    let isAnswered = false;
    const answer = fetch(`${url}/t/noted`, {
      method: 'POST',
      headers: { 'x-forwarded-for': '198.51.100.1' },
    });
    void answer.then(() => {
      isAnswered = true;
    });
    // A later request has its answer meanwhile.
    await fetch(`${url}/unknown`);
    expect(isAnswered).toBe(false);
    written.resolve();
    expect((await answer).status).toBe(201);
    expect(records[0]).toMatchObject({
      operation: 'noted',
      status: 201,
      judgements: [
        {
          permission: { action: 'test:noted' },
          decision: { effect: 'allow', decidedBy: { decidedBy: { document: 'policy "yes"' } } },
        },
      ],
      notes: { event: 'login', keys: 3 },
      digest: 'sha256:1',
      forwardedFor: '198.51.100.1',
      hasCredentials: false,
    });
  });

  it('is told of refusals: who decided, who tried', async () => {
    const records: RequestRecord[] = [];
    const { url } = await start({ record: (record) => void records.push(record) });
    await fetch(`${url}/t/forbidden`);
    const authorization = `Basic ${Buffer.from('mallory:guess').toString('base64')}`;
    await fetch(`${url}/t/change`, { method: 'PUT', headers: { authorization } });
    expect(records).toMatchObject([
      {
        status: 401,
        errorKind: 'unauthenticated',
        reason: 'nobody may',
        judgements: [{ decision: { effect: 'deny', decidedBy: { decidedBy: { statement: '0' } } } }],
      },
      { status: 401, errorKind: 'unauthenticated', triedAs: 'mallory', hasCredentials: true },
    ]);
    expect(JSON.stringify(records)).not.toContain('guess');
  });

  it('that fails makes a success unavailable and leaves a refusal as it is', async () => {
    const { url, lines } = await start({ record: () => Promise.reject(FULL) });
    expect((await fetch(`${url}/t/change`, { method: 'PUT' })).status).toBe(503);
    expect((await fetch(`${url}/t/forbidden`)).status).toBe(401);
    expect(lines).toContainEqual(expect.objectContaining({ level: 50, msg: 'request failed' }));
  });

  it('can keep changes from being tried, and nothing else', async () => {
    let isRun = false;
    const { url } = await start(
      {
        admit() {
          throw FULL;
        },
        record: () => undefined,
      },
      {
        change: () => {
          isRun = true;
          return { status: 201, headers: {} };
        },
        read: () => ({ status: 200, headers: {} }),
      },
    );
    expect((await fetch(`${url}/t/change`, { method: 'DELETE' })).status).toBe(503);
    expect(isRun).toBe(false);
    expect((await fetch(`${url}/t/read`)).status).toBe(200);
  });
});
