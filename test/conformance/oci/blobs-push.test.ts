import { once } from 'node:events';
import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type RunningRegistry, startRegistry } from './start-registry.ts';
import { type Answer, digestOf, expectError, Wire } from './wire.ts';

const OCTETS = { 'content-type': 'application/octet-stream' };

let server: RunningRegistry;
let wire: Wire;
beforeAll(async () => {
  server = await startRegistry();
  wire = new Wire(server.url);
});
afterAll(() => server.close());

async function begin(repository: string, query = ''): Promise<string> {
  const answer = await wire.send('POST', `/v2/${repository}/blobs/uploads/${query}`, { body: '' });
  expect(answer.status).toBe(202);
  expect(answer.headers.range).toBe('0-0');
  return location(answer);
}

function location(answer: Answer): string {
  const value = answer.headers.location ?? '';
  expect(value).toMatch(/^\/v2\//);
  return value;
}

function chunk(path: string, range: string, body: string): Promise<Answer> {
  return wire.send('PATCH', path, { headers: { ...OCTETS, 'content-range': range }, body });
}

function finish(path: string, digest: string, body = '', headers = {}): Promise<Answer> {
  return wire.send('PUT', `${path}?digest=${digest}`, { headers: { ...OCTETS, ...headers }, body });
}

async function expectPullable(answer: Answer, content: string, digest = digestOf(content)): Promise<void> {
  expect(answer.status).toBe(201);
  expect(answer.headers['docker-content-digest']).toBe(digest);
  const pulled = await wire.get(location(answer));
  expect(pulled.status).toBe(200);
  expect(pulled.body.toString()).toBe(content);
}

describe.each(['sha256', 'sha512'] as const)('pushing a blob with %s', (algorithm) => {
  const digest = (content: string) => digestOf(content, algorithm);

  it('in a single POST', async () => {
    const content = `post ${algorithm}`;
    const answer = await wire.send('POST', `/v2/push/post/blobs/uploads/?digest=${digest(content)}`, {
      headers: OCTETS,
      body: content,
    });
    await expectPullable(answer, content, digest(content));
  });

  it('in a single POST of unknown length and without a type', async () => {
    const content = `chunked post ${algorithm}`;
    const path = `/v2/push/post/blobs/uploads/?digest=${encodeURIComponent(digest(content))}`;
    await expectPullable(
      await wire.send('POST', path, { body: content, isChunked: true }),
      content,
      digest(content),
    );
  });

  it('by POST and PUT', async () => {
    const content = `post and put ${algorithm}`;
    const path = await begin('push/put', `?digest-algorithm=${algorithm}`);
    await expectPullable(await finish(path, digest(content), content), content, digest(content));
  });

  it('as a stream, closed by an empty PUT', async () => {
    const content = `stream ${algorithm}`;
    const path = await begin('push/stream');
    const streamed = await wire.send('PATCH', path, { headers: OCTETS, body: content, isChunked: true });
    expect(streamed.status).toBe(202);
    expect(streamed.headers.range).toBe(`0-${content.length - 1}`);
    await expectPullable(await finish(location(streamed), digest(content)), content, digest(content));
  });

  it('in chunks, the last one with the PUT', async () => {
    const content = `0123456789 ${algorithm}`;
    const path = await begin('push/chunks');
    const first = await chunk(path, '0-4', content.slice(0, 5));
    expect(first.status).toBe(202);
    expect(first.headers.range).toBe('0-4');
    const second = await chunk(location(first), '5-9', content.slice(5, 10));
    expect(second.headers.range).toBe('0-9');
    const range = `10-${content.length - 1}`;
    const last = await finish(location(second), digest(content), content.slice(10), {
      'content-range': range,
    });
    await expectPullable(last, content, digest(content));
  });

  it('that is empty', async () => {
    const answer = await finish(await begin('push/empty'), digest(''));
    await expectPullable(answer, '', digest(''));
    const posted = await wire.send('POST', `/v2/push/empty2/blobs/uploads/?digest=${digest('')}`, {
      body: '',
    });
    await expectPullable(posted, '', digest(''));
  });

  it('refuses content of another digest and stores nothing', async () => {
    const wrong = digest(`wrong ${algorithm}`);
    const posted = await wire.send('POST', `/v2/push/bad/blobs/uploads/?digest=${wrong}`, {
      headers: OCTETS,
      body: 'something else',
    });
    expectError(posted, 400, 'DIGEST_INVALID');
    expectError(await finish(await begin('push/bad'), wrong, 'something else'), 400, 'DIGEST_INVALID');
    expect((await wire.head(`/v2/push/bad/blobs/${wrong}`)).status).toBe(404);
  });
});

describe('an upload session', () => {
  it('answers a misplaced chunk with 416 and the true position, and goes on from there', async () => {
    const path = await begin('session/order');
    await chunk(path, '0-4', '01234');
    for (const range of ['10-14', '0-4', '4-8', 'nonsense', '9-5']) {
      const refused = await chunk(path, range, 'xxxxx');
      expectError(refused, 416, 'BLOB_UPLOAD_INVALID');
      expect(refused.headers).toMatchObject({ range: '0-4', location: path });
    }
    const refused = await finish(path, digestOf('0123456789'), 'xxxxx', { 'content-range': '6-10' });
    expectError(refused, 416, 'BLOB_UPLOAD_INVALID');
    const status = await wire.get(path);
    expect(status.status).toBe(204);
    expect(status.headers).toMatchObject({ range: '0-4', location: path });
    await expectPullable(
      await finish(path, digestOf('0123456789'), '56789', { 'content-range': '5-9' }),
      '0123456789',
    );
  });

  it('refuses a chunk that is not as long as its range says', async () => {
    const path = await begin('session/length');
    expectError(await chunk(path, '0-9', 'short'), 416, 'BLOB_UPLOAD_INVALID');
    expect((await wire.get(path)).headers.range).toBe('0-0');
  });

  it('keeps what arrived before the connection broke, and goes on behind it', async () => {
    const path = await begin('session/broken');
    const socket = connect(Number(new URL(server.url).port), '127.0.0.1');
    await once(socket, 'connect');
    socket.write(`PATCH ${path} HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\n\r\n0123`);
    // The server has the bytes once it has taken them off the wire and staged them after the end.
    socket.end();
    await once(socket.resume(), 'close');
    let range: string | undefined;
    for (let asked = 0; asked < 500 && range !== '0-3'; asked++) {
      range = (await wire.get(path)).headers.range?.toString();
    }
    expect(range).toBe('0-3');
    await expectPullable(await finish(path, digestOf('0123456789'), '456789'), '0123456789');
  });

  it('is gone once cancelled', async () => {
    const path = await begin('session/cancel');
    const cancelled = await wire.send('DELETE', path);
    expect(cancelled.status).toBe(204);
    for (const method of ['GET', 'DELETE', 'PATCH']) {
      expectError(await wire.send(method, path), 404, 'BLOB_UPLOAD_UNKNOWN');
    }
    expectError(await finish(path, digestOf('x'), 'x'), 404, 'BLOB_UPLOAD_UNKNOWN');
  });

  it('is gone once closed', async () => {
    const path = await begin('session/closed');
    expect((await finish(path, digestOf('closed'), 'closed')).status).toBe(201);
    expectError(await wire.get(path), 404, 'BLOB_UPLOAD_UNKNOWN');
  });

  it('belongs to its repository', async () => {
    const path = await begin('session/mine');
    expectError(await wire.get(path.replace('/mine/', '/other/')), 404, 'BLOB_UPLOAD_UNKNOWN');
    expectError(await wire.get('/v2/session/mine/blobs/uploads/never'), 404, 'BLOB_UPLOAD_UNKNOWN');
  });

  it('carries its id where older clients look for it', async () => {
    const answer = await wire.send('POST', '/v2/session/id/blobs/uploads/');
    const id = answer.headers.location?.split('/').at(-1);
    expect(answer.headers['docker-upload-uuid']).toBe(id);
    expect(id).toMatch(/^[0-9a-f]{64}$/);
  });

  it('refuses a digest algorithm it does not have, at the start and at the end', async () => {
    expectError(await wire.send('POST', '/v2/a/blobs/uploads/?digest-algorithm=sha1'), 400, 'DIGEST_INVALID');
    const path = await begin('session/algorithm');
    expectError(await finish(path, `sha1:${'0'.repeat(40)}`, 'x'), 400, 'DIGEST_INVALID');
    expectError(await wire.send('PUT', path, { body: 'x' }), 400, 'DIGEST_INVALID');
  });
});

describe('a single POST', () => {
  it('refuses a type that is not octets', async () => {
    const answer = await wire.send('POST', `/v2/a/blobs/uploads/?digest=${digestOf('x')}`, {
      headers: { 'content-type': 'text/plain' },
      body: 'x',
    });
    expect(answer.status).toBe(415);
  });
});

describe('mounting a blob', () => {
  it('takes it over from the repository named', async () => {
    const digest = await wire.pushBlob('mount/source', 'mounted');
    const answer = await wire.send(
      'POST',
      `/v2/mount/target/blobs/uploads/?mount=${digest}&from=${encodeURIComponent('mount/source')}`,
    );
    await expectPullable(answer, 'mounted');
  });

  it('takes it over from any repository when none is named', async () => {
    const digest = await wire.pushBlob('mount/anywhere', 'found anywhere');
    await expectPullable(
      await wire.send('POST', `/v2/mount/anonymous/blobs/uploads/?mount=${digest}`),
      'found anywhere',
    );
  });

  it('begins an upload of what is not there', async () => {
    const missing = digestOf('not there yet');
    for (const query of [`mount=${missing}&from=mount/source`, `mount=${missing}`]) {
      const answer = await wire.send('POST', `/v2/mount/missing/blobs/uploads/?${query}`);
      expect(answer.status).toBe(202);
      await expectPullable(await finish(location(answer), missing, 'not there yet'), 'not there yet');
      await wire.send('DELETE', `/v2/mount/missing/blobs/${missing}`);
    }
  });
});
