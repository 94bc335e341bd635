import { constants } from 'node:fs';
import { access, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { StoreError } from '@zot-artifact-store/spec';
import { makeFolders } from '../work/make-folders.ts';
import { takeExclusiveLock } from './exclusive-lock.ts';
import { classifyContent } from './foreign-content.ts';
import { firstSecretKey, secretKeyId as idOf, knownSecretKey, type SecretKeySource } from './secret-key.ts';
import { newSentinel, readSentinel, type Sentinel, writeSentinel } from './sentinel.ts';
import { syncParent } from './write-durably.ts';

export interface OpenDataFolderOptions {
  /** Makes the folder, or turns an empty one into a data folder. Only with the exclusive lock. */
  readonly createIfMissing: boolean;
  /**
   * - `exclusive`: at most one at a time: the main process of a server, or a tool that wants the server stopped. The
   *   workers of a server live under the lock of their main process and take none.
   * - `shared`: takes no lock and may come beside a running server. Safe for what changes the store only through
   *   metadata transactions and leases, as the server's own workers do; LMDB keeps the processes apart.
   */
  readonly lock: 'exclusive' | 'shared';
  /**
   * Of the main folder: opens its secret key. Where there never was one it is made, with the exclusive lock and
   * `createIfMissing` only.
   */
  readonly secretKey?: SecretKeySource;
  readonly clock?: { now(): number };
}

export interface DataFolder {
  /** Absolute. The filesystem blob driver has its folders directly below. */
  readonly root: string;
  readonly metadataPath: string;
  /** Made once with the folder; tells one store from another. */
  readonly id: string;
  /** When it was asked for. */
  readonly secretKey?: Uint8Array;
  /** Lets go of the lock; the folder must not be used afterwards. */
  close(): void;
}

/**
 * Opens `path` as a data folder. Throws, always with a sentence for the operator: `argument-invalid` when the path is
 * not a data folder and may not become one, `unavailable` when it is one but cannot be used (in use, not writable,
 * another user's, a newer format, its secret key missing or another's).
 */
export async function openDataFolder(path: string, options: OpenDataFolderOptions): Promise<DataFolder> {
  const root = resolve(path);
  try {
    const mayCreate = options.createIfMissing && options.lock === 'exclusive';
    await ensureFolder(root, mayCreate);
    // Before the lock, so that nothing is put into a folder that is not ours.
    if ((await readSentinel(root)) === undefined) await assertMayBecomeOurs(root, mayCreate);
    const release = options.lock === 'exclusive' ? takeExclusiveLock(root) : () => {};
    try {
      const { id, secretKey } = await ensureContent(root, mayCreate, options);
      const metadataPath = join(root, 'metadata');
      return { root, metadataPath, id, ...(secretKey && { secretKey }), close: release };
    } catch (error) {
      release();
      throw error;
    }
  } catch (error) {
    throw error instanceof StoreError ? error : translate(error, root);
  }
}

async function ensureFolder(root: string, mayCreate: boolean): Promise<void> {
  const found = await stat(root).catch((error: unknown) => {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  });
  if (found === undefined) {
    if (!mayCreate) throw new StoreError('argument-invalid', `there is no data folder at ${root}`);
    const firstMade = makeFolders(root, 0o700);
    if (firstMade !== undefined) await syncParent(firstMade);
    return;
  }
  if (!found.isDirectory()) {
    throw new StoreError('argument-invalid', `${root} is not a directory, so it cannot be the data folder`);
  }
  await access(root, constants.R_OK | constants.W_OK | constants.X_OK);
}

async function assertMayBecomeOurs(root: string, mayCreate: boolean): Promise<void> {
  const content = await classifyContent(root);
  if (content === 'zot') {
    throw new StoreError(
      'argument-invalid',
      `${root} holds a zot store; choose an empty data folder and bring the content over with "zas import zot ${root}"`,
    );
  }
  if (content === 'foreign') {
    throw new StoreError(
      'argument-invalid',
      `${root} is not empty and not a data folder (it has no zas.json); choose an empty folder, or mount the volume that belongs there`,
    );
  }
  if (!mayCreate) throw new StoreError('argument-invalid', `${root} is empty and not a data folder yet`);
}

async function ensureContent(
  root: string,
  mayCreate: boolean,
  { clock = Date, secretKey: source }: OpenDataFolderOptions,
): Promise<{ readonly id: string; readonly secretKey?: Uint8Array }> {
  const found = await readSentinel(root);
  // Checked again, now that the lock keeps others from doing the same.
  if (found === undefined) await assertMayBecomeOurs(root, mayCreate);
  const sentinel = found ?? newSentinel(clock.now());
  const secretKey = source && (await ensureSecretKey(root, { sentinel, source, mayCreate }));
  // After the key: a sentinel that names a key is a promise that there is one.
  const secretKeyId = sentinel.secretKeyId ?? (secretKey && idOf(secretKey));
  if (found === undefined || secretKeyId !== found.secretKeyId) {
    await writeSentinel(root, { ...sentinel, ...(secretKeyId !== undefined && { secretKeyId }) });
  }
  const made = makeFolders(join(root, 'metadata'), 0o700);
  if (made !== undefined) await syncParent(made);
  return { id: sentinel.id, ...(secretKey && { secretKey }) };
}

async function ensureSecretKey(
  root: string,
  {
    sentinel,
    source,
    mayCreate,
  }: { readonly sentinel: Sentinel; readonly source: SecretKeySource; readonly mayCreate: boolean },
): Promise<Uint8Array> {
  if (sentinel.secretKeyId !== undefined) return knownSecretKey(root, sentinel, source);
  if (mayCreate) return firstSecretKey(root, source);
  throw new StoreError(
    'unavailable',
    `the data folder ${root} has no secret key yet; start the server on it once`,
  );
}

function translate(error: unknown, root: string): StoreError {
  const options = { cause: error };
  switch (codeOf(error)) {
    case 'EACCES':
    case 'EPERM':
      return new StoreError(
        'unavailable',
        `the data folder ${root} is not writable for this user; change its owner or permissions, or choose another with --data`,
        options,
      );
    case 'ENOENT':
      return new StoreError(
        'unavailable',
        `the data folder ${root} cannot be made there; choose another with --data`,
        options,
      );
    case 'EROFS':
      return new StoreError('unavailable', `the data folder ${root} is on a read-only filesystem`, options);
    case 'ENOSPC':
    case 'EDQUOT':
      return new StoreError('storage-full', `there is no space left for the data folder ${root}`, options);
    case 'ENOTDIR':
    case 'EEXIST':
      return new StoreError(
        'argument-invalid',
        `${root} cannot be the data folder: a part of the path is not a directory`,
        options,
      );
    default:
      return new StoreError(
        'unavailable',
        `the data folder ${root} cannot be opened: ${error instanceof Error ? error.message : String(error)}`,
        options,
      );
  }
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined;
}
