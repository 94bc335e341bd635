import { once } from 'node:events';
import { StoreError } from '@zot-artifact-store/spec';
import {
  type HttpRun,
  type HttpRunOptions,
  runHttp,
  type TestRoutes,
} from '@zot-artifact-store/testkit/http-run.ts';
import { afterEach, describe, expect, it } from 'vitest';
import type { Authorizer } from '../extension/contract.ts';
import { createCors } from './cors.ts';

let run: HttpRun | undefined;
afterEach(async () => {
  await run?.close();
});

async function start(routes: TestRoutes, options: HttpRunOptions = {}): Promise<HttpRun> {
  run = await runHttp(routes, options);
  return run;
}

const ok = () => ({ status: 200, headers: {}, body: 'ok' });
const echo: TestRoutes[string] = async ({ body }) => ({
  status: 200,
  headers: {},
  body: await body.collect(1_000_000),
});
const nobody: Authorizer = { authorize: () => ({ effect: 'deny', reason: 'a test' }) };

describe('a request', () => {
  it('is answered with its id, and logged once with what it was', async () => {
    const { raw, record, lines } = await start({ ok });
    const client = await raw();
    client.send('GET /t/ok?secret=1', 'User-Agent: me');
    const { status, headers, body } = await client.response();
    expect([status, body.toString()]).toEqual([200, 'ok']);
    const logged = await record(1);
    expect(logged).toMatchObject({
      operation: 'ok',
      status: 200,
      bytesOut: 2,
      path: '/t/ok',
      userAgent: 'me',
    });
    expect(headers['x-request-id']).toBe(logged.id);
    expect(lines.filter(({ msg }) => msg === 'request')).toHaveLength(1);
    expect(JSON.stringify(lines)).not.toContain('secret');
  });

  it('that fails inside tells the client its id and nothing else, and the log the rest', async () => {
    const { raw, lines } = await start({
      bug: () => {
        throw new Error('/etc/passwd is missing');
      },
    });
    const client = await raw();
    client.send('GET /t/bug');
    const { status, body } = await client.response();
    expect([status, body.toString()]).toEqual([500, 'internal']);
    expect(JSON.stringify(lines)).toContain('/etc/passwd is missing');
  });

  it('keeps its connection, also after an error and with requests that are sent ahead', async () => {
    const { raw } = await start({ ok });
    const client = await raw();
    client.send('GET /t/ok');
    client.send('GET /t/none');
    client.send('GET /t/ok');
    expect((await client.response()).status).toBe(200);
    expect((await client.response()).status).toBe(404);
    expect((await client.response()).status).toBe(200);
  });

  it('outside every protocol is 404 in the form of the specification', async () => {
    const { raw } = await start({});
    const client = await raw();
    client.send('GET /elsewhere');
    const { status, body } = await client.response();
    expect(status).toBe(404);
    expect(JSON.parse(body.toString())).toMatchObject({ errors: [{ code: 'UNSUPPORTED' }] });
  });
});

describe('a request nobody should trust', () => {
  it.each([
    [
      'two lengths',
      'POST /t/echo HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx',
      400,
    ],
    [
      'a length and a transfer coding',
      'POST /t/echo HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
      400,
    ],
    [
      'a chunk size that is none',
      'POST /t/echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n',
      400,
    ],
    ['no host', 'GET /t/ok HTTP/1.1\r\n\r\n', 400],
    ['two hosts', 'GET /t/ok HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n', 400],
    ['no HTTP', 'hello\r\n\r\n', 400],
    ['a header that is too long', `GET /t/ok HTTP/1.1\r\nHost: a\r\nX: ${'x'.repeat(40_000)}\r\n\r\n`, 431],
    ['a target that is too long', `GET /t/${'x'.repeat(17_000)} HTTP/1.1\r\nHost: a\r\n\r\n`, 414],
    [
      'two authorizations',
      'GET /t/ok HTTP/1.1\r\nHost: a\r\nAuthorization: a\r\nAuthorization: b\r\n\r\n',
      401,
    ],
    [
      'a coding nobody knows',
      'POST /t/echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n',
      501,
    ],
  ])('with %s is refused', async (_what, text, expected) => {
    const { raw } = await start({ ok, echo });
    const client = await raw();
    client.write(text);
    expect((await client.response()).status).toBe(expected);
  });

  it('whose head never ends is given up', async () => {
    const { raw } = await start({ ok }, { limits: { headersTimeoutMs: 50 } });
    const client = await raw();
    client.write('GET /t/ok HTTP/1.1\r\nHost: a\r\n');
    expect((await client.response()).status).toBe(408);
    await client.ended();
  });
});

describe('a body', () => {
  it('is asked for only when somebody wants it', async () => {
    const { raw } = await start({ echo });
    const client = await raw();
    client.send('PUT /t/echo', 'Content-Length: 2', 'Expect: 100-continue');
    expect((await client.response({ isHead: true })).status).toBe(100);
    client.write('hi');
    expect((await client.response()).body.toString()).toBe('hi');
  });

  it('is not asked for when the request is refused, and then the connection ends', async () => {
    const { raw } = await start({ echo }, { authorizers: [nobody] });
    const client = await raw();
    client.send('PUT /t/echo', 'Content-Length: 1000000', 'Expect: 100-continue');
    const { status, headers } = await client.response();
    expect([status, headers.connection]).toEqual([401, 'close']);
    await client.ended();
  });

  it('nobody reads is read past when it is short, and ends the connection when it is long', async () => {
    const { raw } = await start({ ok });
    const short = await raw();
    short.send('PUT /t/ok', 'Content-Length: 5');
    short.write('hello');
    expect((await short.response()).status).toBe(200);
    short.send('GET /t/ok');
    expect((await short.response()).status).toBe(200);
    const long = await raw();
    long.send('PUT /t/ok', 'Content-Length: 1000000');
    const { status, headers } = await long.response();
    expect([status, headers.connection]).toEqual([200, 'close']);
    await long.ended();
  });

  it('above the limit is refused', async () => {
    const { raw } = await start({
      small: async ({ body }) => ({ status: 200, headers: {}, body: await body.collect(3) }),
    });
    for (const lines of [['Content-Length: 4'], ['Transfer-Encoding: chunked']]) {
      const client = await raw();
      client.send('PUT /t/small', ...lines);
      client.write(lines[0] === 'Content-Length: 4' ? 'four' : '4\r\nfour\r\n0\r\n\r\n');
      expect((await client.response()).status).toBe(413);
    }
  });

  it('that stops coming is given up with 408, however long it took before', async () => {
    const { raw } = await start({ echo }, { limits: { bodyIdleTimeoutMs: 50 } });
    const client = await raw();
    client.send('PUT /t/echo', 'Content-Length: 10');
    client.write('half');
    expect((await client.response()).status).toBe(408);
  });

  it('that breaks off reaches its reader as an error', async () => {
    const failed = Promise.withResolvers<unknown>();
    const { raw } = await start({
      read: async ({ body }) => {
        await body.collect(100).catch(failed.resolve);
        return ok();
      },
    });
    const client = await raw();
    client.send('PUT /t/read', 'Content-Length: 10');
    client.write('half');
    client.socket.destroy();
    expect(await failed.promise).toMatchObject({ kind: 'request-incomplete' });
  });
});

describe('a reply', () => {
  it('that breaks off cuts the connection, so that nobody takes it for whole', async () => {
    const arrived = Promise.withResolvers<void>();
    const { raw } = await start({
      broken: () => ({
        status: 200,
        headers: {},
        body: {
          sizeBytes: 100,
          stream: (async function* () {
            yield Buffer.from('half');
            await arrived.promise;
            throw new StoreError('blob-corrupt', 'altered');
          })(),
        },
      }),
    });
    const client = await raw();
    client.send('GET /t/broken');
    await once(client.socket, 'data');
    arrived.resolve();
    expect(await client.response()).toMatchObject({ status: 200, isWhole: false });
  });

  it('that fails before its first byte is an error like any other', async () => {
    const { raw } = await start({
      broken: () => ({
        status: 200,
        headers: {},
        body: {
          sizeBytes: 100,
          // biome-ignore lint/correctness/useYield: it never comes to that
          stream: (async function* (): AsyncGenerator<Uint8Array> {
            throw new StoreError('too-many-requests', 'later', { retryAfterSeconds: 7 });
          })(),
        },
      }),
    });
    const client = await raw();
    client.send('GET /t/broken');
    const { status, headers } = await client.response();
    expect([status, headers['retry-after']]).toEqual([429, '7']);
  });

  it('tells an operation that its client went away', async () => {
    const begun = Promise.withResolvers<void>();
    const aborted = Promise.withResolvers<void>();
    const { raw, record } = await start({
      wait: async ({ signal }) => {
        begun.resolve();
        await once(signal, 'abort');
        aborted.resolve();
        return ok();
      },
    });
    const client = await raw();
    client.send('GET /t/wait');
    await begun.promise;
    // Mere silence could be a client that has said everything and waits.
    client.socket.resetAndDestroy();
    await aborted.promise;
    expect(await record(1)).toMatchObject({ status: 499, isCut: true });
  });

  it('has the headers of CORS, also when it is an error', async () => {
    const cors = createCors({ allowOrigins: ['https://ui.example'], pathPrefixes: ['/t/'] });
    const { raw } = await start({ ok }, { authorizers: [nobody], ...(cors && { cors }) });
    const client = await raw();
    client.send('GET /t/ok', 'Origin: https://ui.example');
    const { status, headers } = await client.response();
    expect([status, headers['access-control-allow-origin']]).toEqual([401, 'https://ui.example']);
  });
});

describe('closing', () => {
  it('lets requests finish, ends idle connections and takes no new ones', async () => {
    const release = Promise.withResolvers<void>();
    const begun = Promise.withResolvers<void>();
    const { raw, server } = await start({
      slow: async () => {
        begun.resolve();
        await release.promise;
        return ok();
      },
      ok,
    });
    const idle = await raw();
    idle.send('GET /t/ok');
    await idle.response();
    const busy = await raw();
    busy.send('GET /t/slow');
    await begun.promise;
    const closed = server.close({ deadlineMs: 60_000 });
    await idle.ended();
    await expect(raw()).rejects.toThrow();
    release.resolve();
    const { status, headers } = await busy.response();
    expect([status, headers.connection]).toEqual([200, 'close']);
    await closed;
  });

  it('cuts what is left at the deadline', async () => {
    const begun = Promise.withResolvers<void>();
    const { raw, server } = await start({
      never: async ({ signal }) => {
        begun.resolve();
        await once(signal, 'abort');
        return ok();
      },
    });
    const client = await raw();
    client.send('GET /t/never');
    await begun.promise;
    await server.close({ deadlineMs: 20 });
    await client.ended();
  });
});
