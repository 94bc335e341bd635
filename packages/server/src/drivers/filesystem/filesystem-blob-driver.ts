import type { Stats } from 'node:fs';
import * as nodeFileSystem from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { StoreError } from '@zot-artifact-store/spec';
import type {
  BlobDriver,
  LocalObjects,
  ObjectInfo,
  ObjectName,
  PublishOptions,
  ReadOptions,
  SpaceInfo,
  StagedId,
} from '../../content/blob-driver.ts';
import { newStagedId, tryParseObjectName, tryParseStagedId } from '../../content/object-name.ts';
import { ByteBudget } from '../../work/byte-budget.ts';
import { FailStop } from './fail-stop.ts';
import type { FileSystem } from './file-system.ts';
import { FolderSync } from './folder-sync.ts';
import { createFolder, createLayout } from './folders.ts';
import { FreeSpace } from './free-space.ts';
import { FAN_OUT, Layout } from './layout.ts';
import { linkOrCopy } from './link-or-copy.ts';
import { LocalLinks } from './local-links.ts';
import { ReadBuffers } from './read-buffers.ts';
import { readFile } from './read-file.ts';
import { stageFile } from './stage-file.ts';
import { isMissing, translateError, unknownContent } from './translate-error.ts';

export interface FilesystemBlobDriverOptions {
  /** Created when missing; everything below belongs to the driver. One filesystem, not a network one. */
  readonly root: string;
  /** Called once when the disk failed in a way after which no write can be trusted: stop the process. */
  readonly onFatal: (error: StoreError) => void;
  /** New bytes are refused with `storage-full` when less than this would stay free. */
  readonly reserveBytes: number;
  /** Bounds what all readers hold together above 64 KiB each: 64 MiB unless given. */
  readonly readBudget?: ByteBudget;
  readonly fileMode?: number;
  readonly folderMode?: number;
  readonly fs?: FileSystem;
  /** Milliseconds of a clock that never goes back. */
  readonly now?: () => number;
}

/** Blobs as files, durable before they are acknowledged. Its README tells the layout, write order and guarantees. */
export class FilesystemBlobDriver implements BlobDriver {
  readonly name = 'filesystem';
  readonly local: LocalObjects;
  readonly #layout: Layout;
  readonly #fs: FileSystem;
  readonly #failStop: FailStop;
  readonly #folderSync: FolderSync;
  readonly #freeSpace: FreeSpace;
  readonly #readBudget: ByteBudget;
  readonly #readBuffers = new ReadBuffers();
  readonly #fileMode: number;
  readonly #folderMode: number;
  readonly #publishing = new Set<string>();
  /** Made by this process, and perhaps not durable in their parents yet. */
  readonly #newFolders = new Set<string>();

  constructor(options: FilesystemBlobDriverOptions) {
    this.#layout = new Layout(options.root);
    this.#fs = options.fs ?? nodeFileSystem;
    this.#failStop = new FailStop(options.onFatal);
    this.#folderSync = new FolderSync(this.#fs, this.#failStop);
    this.#freeSpace = new FreeSpace({
      fs: this.#fs,
      root: this.#layout.root,
      reserveBytes: options.reserveBytes,
      now: options.now ?? (() => performance.now()),
    });
    this.#readBudget = options.readBudget ?? new ByteBudget(64 * 1024 * 1024);
    this.#fileMode = options.fileMode ?? 0o600;
    this.#folderMode = options.folderMode ?? 0o700;
    this.local = new LocalLinks(this.#layout, { ...this.#stageTools, folderSync: this.#folderSync });
  }

  async open(): Promise<void> {
    this.#failStop.check();
    try {
      await createLayout(this.#layout, this.#folderTools);
    } catch (error) {
      throw translateError(error, 'open its folders');
    }
  }

  /** Refuses writes from now on; reads under way end by themselves. */
  async close(): Promise<void> {
    this.#failStop.close();
  }

  async stage(
    id: StagedId,
    source: AsyncIterable<Uint8Array>,
    options: { readonly signal?: AbortSignal } = {},
  ): Promise<number> {
    this.#failStop.check();
    const path = this.#layout.staged(id);
    const { signal } = options;
    const sizeBytes = await stageFile(path, source, { ...this.#stageTools, signal });
    try {
      await this.#folderSync.sync(this.#layout.staging);
    } catch (error) {
      await this.#fs.unlink(path).catch(() => undefined);
      throw error;
    }
    return sizeBytes;
  }

  async publish(id: StagedId, name: ObjectName, options: PublishOptions = {}): Promise<void> {
    this.#failStop.check();
    const staged = this.#layout.staged(id);
    const { path, folder } = this.#layout.object(name);
    // Two calls for one name in this process; in two processes the random generation keeps names apart.
    if (this.#publishing.has(path)) throw nameTaken();
    this.#publishing.add(path);
    try {
      if ((await this.stat(name)) !== undefined) throw nameTaken();
      const isThere =
        options.keepStaged === true
          ? await this.#moveTwin(staged, path, folder)
          : await this.#move(staged, path, folder);
      if (!isThere) throw unknownContent(id);
      await this.#syncFolder(folder);
    } finally {
      this.#publishing.delete(path);
    }
  }

  async *read(name: ObjectName, options: ReadOptions = {}): AsyncGenerator<Uint8Array, void, undefined> {
    yield* readFile(this.#layout.object(name).path, name, this.#readOptions(options));
  }

  async *readStaged(id: StagedId, options: ReadOptions = {}): AsyncGenerator<Uint8Array, void, undefined> {
    yield* readFile(this.#layout.staged(id), id, this.#readOptions(options));
  }

  async stat(name: ObjectName): Promise<ObjectInfo | undefined> {
    return this.#infoOf(this.#layout.object(name).path);
  }

  async remove(name: ObjectName): Promise<void> {
    await this.#unlink(this.#layout.object(name).path);
  }

  async removeStaged(id: StagedId): Promise<void> {
    await this.#unlink(this.#layout.staged(id));
  }

  async *list(): AsyncGenerator<{ readonly name: ObjectName } & ObjectInfo, void, undefined> {
    for (const parent of this.#layout.fanOutParents) {
      for (const fan of FAN_OUT) {
        for await (const file of this.#filesIn(join(parent, fan))) {
          const name = tryParseObjectName(`${basename(parent)}/${fan}/${file}`)?.name;
          const info = name && (await this.#infoOf(join(parent, fan, file)));
          if (name !== undefined && info !== undefined) yield { name, ...info };
        }
      }
    }
  }

  /** Includes files that are being staged at this moment, here or in another process. */
  async *listStaged(): AsyncGenerator<{ readonly id: StagedId } & ObjectInfo, void, undefined> {
    for await (const file of this.#filesIn(this.#layout.staging)) {
      const id = tryParseStagedId(file);
      const info = id && (await this.#infoOf(join(this.#layout.staging, file), stagedAtMs));
      if (id !== undefined && info !== undefined) yield { id, ...info };
    }
  }

  async quarantine(name: ObjectName): Promise<void> {
    this.#failStop.check();
    const from = this.#layout.object(name);
    const to = this.#layout.quarantined(name);
    if (!(await this.#move(from.path, to.path, to.folder))) return;
    await Promise.all([this.#syncFolder(to.folder), this.#folderSync.sync(from.folder)]);
  }

  async space(): Promise<SpaceInfo | undefined> {
    return this.#freeSpace.measure();
  }

  /** Renames a file, whose new name is not durable yet; false when it is not there. */
  #move(from: string, to: string, toFolder: string): Promise<boolean> {
    return this.#failStop.vital('move this content', async () => {
      try {
        await this.#fs.rename(from, to);
        return true;
      } catch (error) {
        if (!isMissing(error)) throw error;
      }
      if ((await this.#infoOf(from)) === undefined) return false;
      // The first object of a rare fan-out folder, or somebody removed the folder.
      this.#newFolders.add(toFolder);
      await createFolder(toFolder, this.#folderTools);
      // Another call may have created it and not synced it yet.
      await this.#folderSync.sync(dirname(toFolder));
      await this.#fs.rename(from, to);
      this.#newFolders.delete(toFolder);
      return true;
    });
  }

  /** As `#move`, and the old name stays. Through a second staged name, because a copy has a time when it is not whole. */
  async #moveTwin(from: string, to: string, toFolder: string): Promise<boolean> {
    const twin = this.#layout.staged(newStagedId());
    try {
      await this.#failStop.attempt('link this content', () =>
        linkOrCopy(this.#stageTools, { from, to: twin, ifExists: 'the staged id is already in use' }),
      );
    } catch (error) {
      if (error instanceof StoreError && isMissing(error.cause)) return false;
      throw error;
    }
    try {
      return await this.#move(twin, to, toFolder);
    } catch (error) {
      await this.#fs.unlink(twin).catch(() => undefined);
      throw error;
    }
  }

  /** Makes the names in `folder` durable; while another call creates it, the name of the folder too. */
  async #syncFolder(folder: string): Promise<void> {
    if (this.#newFolders.has(folder)) await this.#folderSync.sync(dirname(folder));
    await this.#folderSync.sync(folder);
  }

  async #unlink(path: string): Promise<void> {
    this.#failStop.check();
    await this.#failStop.attempt('remove this content', () =>
      this.#fs.unlink(path).catch((error: unknown) => {
        if (!isMissing(error)) throw error;
      }),
    );
  }

  async #infoOf(
    path: string,
    timeOf = ({ mtimeMs }: Stats): number => mtimeMs,
  ): Promise<ObjectInfo | undefined> {
    try {
      const stats = await this.#fs.lstat(path);
      return stats.isFile() ? { sizeBytes: stats.size, modifiedAtMs: Math.trunc(timeOf(stats)) } : undefined;
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw translateError(error, 'find this content');
    }
  }

  async *#filesIn(folder: string): AsyncGenerator<string, void, undefined> {
    try {
      for await (const entry of await this.#fs.opendir(folder, { bufferSize: 256 })) {
        if (entry.isFile()) yield entry.name;
      }
    } catch (error) {
      if (!isMissing(error)) throw translateError(error, 'list its content');
    }
  }

  #readOptions(options: ReadOptions) {
    return { ...options, fs: this.#fs, budget: this.#readBudget, buffers: this.#readBuffers };
  }

  get #stageTools() {
    return {
      fs: this.#fs,
      failStop: this.#failStop,
      freeSpace: this.#freeSpace,
      fileMode: this.#fileMode,
    };
  }

  get #folderTools() {
    return { fs: this.#fs, folderSync: this.#folderSync, folderMode: this.#folderMode };
  }
}

/** A hard link keeps the age of the file it was made from; only its change time says when it came to be here. */
function stagedAtMs({ mtimeMs, ctimeMs }: Stats): number {
  return Math.max(mtimeMs, ctimeMs);
}

function nameTaken(): StoreError {
  return new StoreError('conflict', 'an object of this name exists already');
}
