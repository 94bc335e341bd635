import { once } from 'node:events';
import { type HttpRun, runHttp } from '@zot-artifact-store/testkit/http-run.ts';
import { afterEach, describe, expect, it } from 'vitest';

let run: HttpRun | undefined;
afterEach(async () => {
  await run?.close();
});

const refuse = () => ({ status: 413, headers: {}, body: 'too large' });
const read = async ({ body }: { readonly body: { collect(limitBytes: number): Promise<Buffer> } }) => ({
  status: 200,
  headers: {},
  body: await body.collect(1_000),
});

describe('a body nobody wants', () => {
  it.each([
    ['Content-Length: 20000000', false],
    ['Transfer-Encoding: chunked', true],
  ])(
    'of many megabytes (%s) can be sent to its end by a client that does not look',
    async (framing, isChunked) => {
      run = await runHttp({ refuse });
      const client = await run.raw();
      const failures: unknown[] = [];
      client.socket.on('error', (error) => failures.push(error));
      client.send('PUT /t/refuse', framing);
      const piece = Buffer.alloc(1_000_000, 'x');
      for (let sent = 0; sent < 20; sent++) {
        if (isChunked) client.write(`${piece.length.toString(16)}\r\n`, piece, '\r\n');
        else client.write(piece);
        if (client.socket.writableNeedDrain) await once(client.socket, 'drain');
      }
      if (isChunked) client.write('0\r\n\r\n');
      const { status, headers } = await client.response();
      expect([status, headers.connection]).toEqual([413, 'close']);
      await client.ended();
      expect(failures).toEqual([]);
    },
  );
});

describe('a body that stopped coming', () => {
  it('ends the connection with its 408, however little of it is missing', async () => {
    run = await runHttp({ read }, { limits: { bodyIdleTimeoutMs: 50 } });
    const client = await run.raw();
    client.send('PUT /t/read', 'Content-Length: 10');
    client.write('half');
    const { status, headers } = await client.response();
    expect([status, headers.connection]).toEqual([408, 'close']);
    await client.ended();
  });
});

describe('a body that is held back for 100 Continue, and refused', () => {
  it.each([
    ['in one piece with the head', 'hello', ''],
    ['to its end after the head', 'he', 'llo'],
  ])('leaves the connection usable when it was sent all the same, %s', async (_how, first, rest) => {
    run = await runHttp({ refuse, read });
    const client = await run.raw();
    client.write(
      `PUT /t/refuse HTTP/1.1\r\nHost: test\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n${first}`,
    );
    const { status, headers } = await client.response();
    expect([status, headers.connection]).not.toContain('close');
    client.write(rest);
    client.send('PUT /t/read', 'Content-Length: 5');
    client.write('again');
    expect((await client.response()).body.toString()).toBe('again');
  });

  it('costs the connection when nothing of it has come, as it may or may not follow', async () => {
    run = await runHttp({ refuse, read });
    const client = await run.raw();
    client.send('PUT /t/refuse', 'Expect: 100-continue', 'Content-Length: 47');
    const { status, headers } = await client.response();
    expect([status, headers.connection]).toEqual([413, 'close']);
    // A body that looks like a request is not taken for one.
    client.write('PUT /t/read HTTP/1.1\r\nHost: t\r\nContent-Length: 0');
    await client.ended();
    expect(run.lines.filter(({ msg }) => msg === 'request')).toHaveLength(1);
  });
});
