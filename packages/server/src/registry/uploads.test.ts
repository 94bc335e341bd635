import { parseRepositoryName } from '@zot-artifact-store/spec';
import {
  alice,
  broken,
  digestOf,
  once,
  RegistryBench,
  textOf,
  UPLOAD_TTL_MS,
} from '@zot-artifact-store/testkit/registry-bench.ts';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { registryKeys } from './keyspace.ts';

let bench: RegistryBench;
const principal = alice;
const large = (letter: string) => letter.repeat(5_000);

beforeEach(() => {
  bench = new RegistryBench();
});

afterEach(async () => {
  expect(await bench.problems()).toEqual([]);
  await bench.close();
});

async function start(): Promise<string> {
  return (await bench.registry.uploads.start(bench.repository, { principal })).id;
}

async function append(id: string, source: AsyncIterable<Uint8Array>, at?: number): Promise<number> {
  const options = { principal, ...(at !== undefined && { at }) };
  return (await bench.registry.uploads.append(bench.repository, id, source, options)).offsetBytes;
}

function finish(id: string, whole: string, source?: AsyncIterable<Uint8Array>, more: object = {}) {
  const options = { digest: digestOf(whole), principal, ...(source && { source }), ...more };
  return bench.registry.uploads.finish(bench.repository, id, options);
}

async function offset(id: string): Promise<number> {
  return (await bench.registry.uploads.status(bench.repository, id)).offsetBytes;
}

async function expectBlob(content: string): Promise<void> {
  const read = await bench.registry.blobs.read(bench.repository, digestOf(content));
  expect((await textOf(read)) === content).toBe(true);
}

async function staged(): Promise<number> {
  let count = 0;
  for await (const _ of bench.driver.listStaged()) count++;
  return count;
}

describe('an upload session', () => {
  it.each([
    ['in one request', [], 'whole'],
    ['in one large request', [], large('a')],
    ['as one small chunk', ['small'], ''],
    ['as one large chunk', [large('a')], ''],
    ['as small chunks', ['a', 'b', 'c'], 'd'],
    ['as large chunks', [large('a'), large('b'), large('c')], ''],
    ['as large chunks and a last one', [large('a'), large('b')], large('c')],
    ['as large and small chunks in turn', [large('a'), 'b', large('c'), 'd'], 'e'],
    ['with small chunks behind a large one', [large('a'), 'b', 'c'], ''],
    ['with nothing at all', [], ''],
    ['with empty chunks', ['', large('a'), ''], ''],
  ])('takes a blob %s', async (_name, chunks, last) => {
    const id = await start();
    let at = 0;
    for (const chunk of chunks) at = await append(id, once(chunk), at);
    expect(at).toBe(chunks.join('').length);
    const whole = chunks.join('') + last;
    const blob = await finish(id, whole, last === '' ? undefined : once(last), { at });
    expect(blob).toEqual({ digest: digestOf(whole), sizeBytes: whole.length });
    await expectBlob(whole);
    await expect(offset(id)).rejects.toMatchObject({ kind: 'upload-unknown' });
    expect(await staged()).toBe(0);
  });

  it('takes many chunks that are yielded from one buffer', async () => {
    const id = await start();
    async function* reusing() {
      const buffer = Buffer.alloc(1);
      for (const letter of 'hello') {
        buffer.write(letter);
        yield buffer;
      }
    }
    await append(id, reusing());
    await finish(id, 'hello');
    await expectBlob('hello');
  });

  it('finishes under a digest of another algorithm', async () => {
    const id = await start();
    const whole = large('a') + large('b');
    await append(id, once(large('a')));
    await append(id, once(large('b')));
    const digest = digestOf(whole, 'sha512');
    await finish(id, whole, undefined, { digest });
    const read = await bench.registry.blobs.read(bench.repository, digest);
    expect((await textOf(read)).length).toBe(10_000);
  });

  it('belongs to its repository', async () => {
    const id = await start();
    const other = parseRepositoryName('app/fork');
    const { uploads } = bench.registry;
    await expect(uploads.status(other, id)).rejects.toMatchObject({ kind: 'upload-unknown' });
    await expect(uploads.cancel(other, id)).rejects.toMatchObject({ kind: 'upload-unknown' });
    expect(await offset(id)).toBe(0);
  });

  it.each(['', 'x', '../../etc', 'a'.repeat(10_000), '00000000-0000-4000-8000-000000000000'])(
    'is unknown under the name %.40s',
    async (id) => {
      await expect(offset(id)).rejects.toMatchObject({ kind: 'upload-unknown' });
    },
  );

  it('can be finished by another worker', async () => {
    const id = await start();
    await append(id, once(large('a')));
    const options = { digest: digestOf(large('a')), principal };
    await bench.worker().uploads.finish(bench.repository, id, options);
    await expectBlob(large('a'));
  });

  it('ends with its bytes when it is cancelled', async () => {
    const id = await start();
    await append(id, once(large('a')));
    expect(await staged()).toBe(1);
    await bench.registry.uploads.cancel(bench.repository, id);
    expect(await staged()).toBe(0);
    await expect(bench.registry.uploads.cancel(bench.repository, id)).rejects.toMatchObject({
      kind: 'upload-unknown',
    });
  });

  it('claims its staged bytes until it ends', async () => {
    const id = await start();
    await append(id, once(large('a')));
    const ids = [];
    for await (const each of bench.driver.listStaged()) ids.push(each.id);
    const [stagedId] = ids;
    if (stagedId === undefined) throw new Error('nothing is staged');
    expect(await bench.registry.isStagedClaimed(stagedId)).toBe(true);
    await finish(id, large('a'));
    expect(await bench.registry.isStagedClaimed(stagedId)).toBe(false);
  });

  it('costs no write to open, and is there for every worker all the same', async () => {
    const id = await start();
    const rows = await bench.metadata.scanKeys({ from: Buffer.from([0]) }, { limit: 10 });
    expect(rows).toEqual([]);
    expect(await bench.worker().uploads.status(bench.repository, id)).toEqual({ id, offsetBytes: 0 });
  });

  it('that was never written to expires too', async () => {
    const id = await start();
    bench.nowMs += UPLOAD_TTL_MS;
    await expect(offset(id)).rejects.toMatchObject({ kind: 'upload-unknown' });
    await expect(finish(id, 'a', once('a'))).rejects.toMatchObject({ kind: 'upload-unknown' });
  });

  it.each<[how: string, end: (id: string) => Promise<unknown>]>([
    ['finished', (id) => finish(id, 'a', once('a'))],
    ['cancelled', (id) => bench.registry.uploads.cancel(bench.repository, id)],
  ])('is over for good once it was %s, and leaves nothing when its time is over', async (_how, end) => {
    const id = await start();
    await end(id);
    await expect(offset(id)).rejects.toMatchObject({ kind: 'upload-unknown' });
    await expect(append(id, once('b'))).rejects.toMatchObject({ kind: 'upload-unknown' });
    await expect(finish(id, 'a', once('a'))).rejects.toMatchObject({ kind: 'upload-unknown' });
    const over = { prefix: registryKeys.uploadsOver() };
    await bench.registry.sweep.expireUploads(new AbortController().signal);
    expect(await bench.metadata.scanKeys(over, { limit: 10 })).toHaveLength(1);
    bench.nowMs += UPLOAD_TTL_MS + 1;
    await bench.registry.sweep.expireUploads(new AbortController().signal);
    expect(await bench.metadata.scanKeys(over, { limit: 10 })).toEqual([]);
    await expect(offset(id)).rejects.toMatchObject({ kind: 'upload-unknown' });
  });

  it('that is finished twice at once is finished once', async () => {
    const id = await start();
    const outcomes = await Promise.allSettled([finish(id, 'a', once('a')), finish(id, 'a', once('a'))]);
    expect(outcomes.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
  });

  it('expires when nobody uses it, and lives as long as somebody does', async () => {
    const idle = await start();
    const used = await start();
    await append(idle, once(large('a')));
    for (let i = 0; i < 3; i++) {
      bench.nowMs += UPLOAD_TTL_MS - 1;
      await append(used, once(large('b')));
      await bench.registry.sweep.expireUploads(new AbortController().signal);
    }
    await expect(offset(idle)).rejects.toMatchObject({ kind: 'upload-unknown' });
    await finish(used, large('b').repeat(3));
    expect(await staged()).toBe(0);
  });
});

describe('what goes wrong in an upload', () => {
  it.each([
    ['a small blob', [], 'content'],
    ['a large blob', [], large('a')],
    ['large chunks', [large('a'), large('b')], large('c')],
  ])('with %s of another digest, stores nothing and ends the session', async (_name, chunks, last) => {
    const id = await start();
    for (const chunk of chunks) await append(id, once(chunk));
    const failed = finish(id, 'something else', once(last));
    await expect(failed).rejects.toMatchObject({ kind: 'digest-mismatch' });
    await expect(offset(id)).rejects.toMatchObject({ kind: 'upload-unknown' });
    expect(await staged()).toBe(0);
    expect(await bench.registry.repositories.exists(bench.repository)).toBe(false);
  });

  it('refuses a chunk at the wrong place and goes on at the right one', async () => {
    const id = await start();
    await append(id, once('12345'), 0);
    for (const at of [0, 4, 6]) {
      await expect(append(id, once('67'), at)).rejects.toMatchObject({ kind: 'upload-out-of-order' });
    }
    const late = finish(id, '1234567', once('67'), { at: 9 });
    await expect(late).rejects.toMatchObject({ kind: 'upload-out-of-order' });
    await finish(id, '1234567', once('67'), { at: 5 });
    await expectBlob('1234567');
  });

  it.each([
    ['few bytes', 'a'],
    ['many bytes', large('a')],
  ])('keeps %s that came before the connection broke', async (_name, first) => {
    const id = await start();
    await expect(append(id, broken(first))).rejects.toThrow('the connection broke');
    expect(await offset(id)).toBe(first.length);
    await expect(finish(id, '', broken(first), {})).rejects.toThrow('the connection broke');
    expect(await offset(id)).toBe(2 * first.length);
    await finish(id, `${first}${first}b`, once('b'), { at: 2 * first.length });
    await expectBlob(`${first}${first}b`);
  });

  it('keeps what came before the client went away without ending its body', async () => {
    const id = await start();
    const client = new AbortController();
    async function* hanging() {
      yield Buffer.from('start');
      client.abort(new Error('gone'));
      await new Promise(() => {});
    }
    const options = { principal, signal: client.signal };
    const appended = bench.registry.uploads.append(bench.repository, id, hanging(), options);
    await expect(appended).rejects.toThrow('gone');
    expect(await offset(id)).toBe(5);
  });

  it.each([
    ['a small chunk', 'abc'],
    ['a large chunk', large('a')],
  ])('refuses %s that is not as long as announced', async (_name, chunk) => {
    const id = await start();
    const options = { principal, lengthBytes: chunk.length + 1 };
    const appended = bench.registry.uploads.append(bench.repository, id, once(chunk), options);
    await expect(appended).rejects.toMatchObject({ kind: 'size-invalid' });
    expect(await offset(id)).toBe(0);
    expect(await staged()).toBe(0);
  });

  it.each([
    ['announced', 11, '12345678901'],
    ['small', undefined, '12345678901'],
    ['large', undefined, large('a')],
  ])('refuses a blob above the limit (%s)', async (_name, lengthBytes, content) => {
    bench = new RegistryBench({ limits: { maxBlobBytes: 10 } });
    const { uploads } = bench.registry;
    const id = await start();
    const options = { principal, ...(lengthBytes !== undefined && { lengthBytes }) };
    const tooLarge = { kind: 'body-too-large' };
    await expect(uploads.append(bench.repository, id, once(content), options)).rejects.toMatchObject(
      tooLarge,
    );
    const put = { digest: digestOf(content), ...options };
    await expect(uploads.put(bench.repository, once(content), put)).rejects.toMatchObject(tooLarge);
    await append(id, once('1234567890'));
    await expect(append(id, once('1'))).rejects.toMatchObject(tooLarge);
    expect(await offset(id)).toBe(10);
  });

  it('reads nothing when a veto refuses', async () => {
    const beforeIngest = async () => {
      throw new Error('no');
    };
    bench = new RegistryBench({ vetoes: { beforeIngest } });
    let isRead = false;
    async function* source() {
      isRead = true;
      yield Buffer.from('x');
    }
    const id = await start();
    await expect(append(id, source())).rejects.toThrow('no');
    await expect(finish(id, 'x', source())).rejects.toThrow('no');
    const put = { digest: digestOf('x'), principal };
    await expect(bench.registry.uploads.put(bench.repository, source(), put)).rejects.toThrow('no');
    expect(isRead).toBe(false);
  });
});

describe('concurrent requests on one session', () => {
  it('let exactly one of several appends win', async () => {
    for (const chunk of ['small', large('a')]) {
      const id = await start();
      const tasks = Array.from({ length: 5 }, () => append(id, once(chunk), 0));
      const settled = await Promise.allSettled(tasks);
      expect(settled.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
      for (const each of settled) {
        if (each.status === 'rejected') expect(each.reason).toMatchObject({ kind: 'upload-out-of-order' });
      }
      expect(await offset(id)).toBe(chunk.length);
      await finish(id, chunk);
    }
    expect(await staged()).toBe(0);
  });

  it('let exactly one of several finishes win', async () => {
    for (const chunk of ['', 'small', large('a'), large('b').repeat(40)]) {
      const id = await start();
      await append(id, once(chunk));
      const settled = await Promise.allSettled(Array.from({ length: 5 }, () => finish(id, chunk)));
      expect(settled.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
      for (const each of settled) {
        if (each.status === 'rejected') expect(each.reason).toMatchObject({ kind: 'upload-unknown' });
      }
      await expectBlob(chunk);
    }
    expect(await staged()).toBe(0);
  });
});
