import * as promises from 'node:fs/promises';
import { basename } from 'node:path';
import type { FileSystem } from '../../server/src/drivers/filesystem/file-system.ts';

/** Calls that can be watched and failed; those of a handle are named after the call on it. */
export type FileCall =
  | 'open'
  | 'write'
  | 'datasync'
  | 'sync'
  | 'close'
  | 'rename'
  | 'link'
  | 'unlink'
  | 'mkdir'
  | 'read';

export interface FaultyFileSystem {
  readonly fs: FileSystem;
  /** Every call that changes something, in order: the call, then the last part of its path. */
  readonly calls: string[];
  /** Files and folders that are open now. */
  readonly openHandles: ReadonlySet<string>;
  /** From now on `call` fails with `code`, until `heal`. */
  fail(call: FileCall, code: string): void;
  heal(): void;
  /** Runs before each call, to wait or to look. */
  before: (call: FileCall, path: string) => Promise<void> | void;
}

/** The real filesystem with faults: calls that fail on demand, writes that take a part only, a disk that gets full. */
export function faultyFileSystem(
  options: { readonly capacityBytes?: number; readonly writeAtMostBytes?: number } = {},
): FaultyFileSystem {
  const { capacityBytes = Number.POSITIVE_INFINITY, writeAtMostBytes = Number.POSITIVE_INFINITY } = options;
  const failing = new Map<FileCall, string>();
  const calls: string[] = [];
  const openHandles = new Set<string>();
  const usedBytes = new Map<string, number>();
  let opened = 0;

  async function run<T>(call: FileCall, path: string, work: () => Promise<T>): Promise<T> {
    calls.push(`${call} ${basename(path)}`);
    await faulty.before(call, path);
    const code = failing.get(call);
    if (code !== undefined) throw systemError(code, call);
    return work();
  }

  function watchHandle(handle: promises.FileHandle, path: string): promises.FileHandle {
    const label = `${path}#${opened++}`;
    openHandles.add(label);
    const overrides = {
      write: (buffer: Uint8Array, offset: number, length: number) =>
        run('write', path, async () => {
          const used = [...usedBytes.values()].reduce((sum, bytes) => sum + bytes, 0);
          const taken = Math.min(length, writeAtMostBytes, capacityBytes - used);
          if (taken <= 0 && length > 0) throw systemError('ENOSPC', 'write');
          usedBytes.set(path, (usedBytes.get(path) ?? 0) + taken);
          return handle.write(buffer, offset, taken);
        }),
      datasync: () => run('datasync', path, () => handle.datasync()),
      sync: () => run('sync', path, () => handle.sync()),
      close: async () => {
        openHandles.delete(label);
        // A close that fails has closed all the same.
        await handle.close();
        await run('close', path, async () => undefined);
      },
      read: (buffer: Uint8Array, offset: number, length: number, position: number) =>
        run('read', path, () => handle.read(buffer, offset, length, position)),
      stat: () => handle.stat(),
    };
    // The driver uses no more of a handle than this.
    return overrides as unknown as promises.FileHandle;
  }

  const fs: FileSystem = {
    ...promises,
    open: async (path, flags, mode) => {
      const handle = await run('open', String(path), () => promises.open(path, flags, mode));
      return watchHandle(handle, String(path));
    },
    rename: (from, to) => run('rename', String(from), () => promises.rename(from, to)),
    link: (from, to) => run('link', String(from), () => promises.link(from, to)),
    // One of several overloads; the driver uses this one.
    mkdir: ((path: string, mkdirOptions?: { mode?: number }) =>
      run('mkdir', path, () => promises.mkdir(path, mkdirOptions))) as FileSystem['mkdir'],
    unlink: async (path) => {
      await run('unlink', String(path), () => promises.unlink(path));
      usedBytes.delete(String(path));
    },
  };
  const faulty: FaultyFileSystem = {
    fs,
    calls,
    openHandles,
    fail: (call, code) => void failing.set(call, code),
    heal: () => failing.clear(),
    before: () => undefined,
  };
  return faulty;
}

function systemError(code: string, call: string): NodeJS.ErrnoException {
  return Object.assign(new Error(`${code}: ${call}`), { code, syscall: call });
}
