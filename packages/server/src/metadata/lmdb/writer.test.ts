import { isStoreError, type StoreError } from '@zot-artifact-store/spec';
import { describe, expect, it, vi } from 'vitest';
import { Writer } from './writer.ts';

const commit = { puts: [{ key: Buffer.from('k'), value: Buffer.from('v') }] };
const rejected = { kind: 'unavailable' };

/** A writer whose thread runs `code` instead of ours; `port` is its end of the channel. */
function writerWith(code: string) {
  const onFatal = vi.fn<(error: StoreError) => void>();
  const source = `import { parentPort as port } from 'node:worker_threads';\n${code}`;
  const thread = new URL(`data:text/javascript,${encodeURIComponent(source)}`);
  const writer = new Writer({
    path: '/nowhere',
    mapSizeBytes: undefined,
    onCommitted: () => {},
    onFatal,
    thread,
  });
  return { writer, onFatal };
}

describe('Writer', () => {
  for (const [what, onCommit] of [
    ['reports a write error', `port.postMessage({ kind: 'fatal', message: 'EIO' }); port.close();`],
    ['ends', 'process.exit(0);'],
    ['throws', `throw new Error('bug');`],
  ]) {
    it(`rejects what is under way and all that follows, and tells once, when the thread ${what}`, async () => {
      const { writer, onFatal } = writerWith(
        `port.postMessage({ kind: 'ready' }); port.on('message', () => { ${onCommit} });`,
      );
      await writer.start();
      const [first, second] = await Promise.allSettled([writer.commit(commit), writer.commit(commit)]);
      for (const outcome of [first, second]) {
        expect(outcome.status === 'rejected' && isStoreError(outcome.reason, 'unavailable')).toBe(true);
      }
      await expect(writer.commit(commit)).rejects.toMatchObject(rejected);
      await writer.close();
      expect(onFatal).toHaveBeenCalledTimes(1);
      await expect(writer.commit(commit)).rejects.toMatchObject(rejected);
    });
  }

  it('does not start when the thread cannot', async () => {
    const { writer } = writerWith(`throw new Error('no map');`);
    await expect(writer.start()).rejects.toThrow('no map');
  });

  it('finishes what is under way before it closes, and takes nothing more', async () => {
    const { writer, onFatal } = writerWith(`
      port.postMessage({ kind: 'ready' });
      port.on('message', (message) => {
        if (message === 'close') return port.close();
        const id = new DataView(message.buffer).getUint32(0);
        setTimeout(() => port.postMessage({ kind: 'done', results: [[id, -1]] }), 20);
      });`);
    await writer.start();
    const under = writer.commit(commit);
    const closed = writer.close();
    await expect(writer.commit(commit)).rejects.toMatchObject(rejected);
    expect(await under).toEqual({ ok: true });
    await closed;
    expect(onFatal).not.toHaveBeenCalled();
  });

  it('refuses more commits than it may hold', async () => {
    const { writer } = writerWith(`port.postMessage({ kind: 'ready' }); port.on('message', () => {});`);
    await writer.start();
    const waiting = Array.from({ length: 16_384 }, () => writer.commit(commit).catch(() => 'ended'));
    await expect(writer.commit(commit)).rejects.toMatchObject({ ...rejected, retryAfterSeconds: 1 });
    expect(waiting).toHaveLength(16_384);
  });
});
