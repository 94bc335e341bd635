import { constants, type Stats } from 'node:fs';
import { dirname } from 'node:path';
import { StoreError } from '@zot-artifact-store/spec';
import type { LocalObjects, ObjectName, StagedId } from '../../content/blob-driver.ts';
import type { FolderSync } from './folder-sync.ts';
import type { Layout } from './layout.ts';
import { linkOrCopy } from './link-or-copy.ts';
import type { StageTools } from './stage-file.ts';
import { isMissing, translateError, unknownContent } from './translate-error.ts';

/** Hard links into and out of the store, or copies where the filesystem refuses. */
export class LocalLinks implements LocalObjects {
  readonly #layout: Layout;
  readonly #tools: StageTools & { readonly folderSync: FolderSync };

  constructor(layout: Layout, tools: StageTools & { readonly folderSync: FolderSync }) {
    this.#layout = layout;
    this.#tools = tools;
  }

  async stageLink(
    id: StagedId,
    path: string,
  ): Promise<{ readonly sizeBytes: number; readonly linked: boolean }> {
    const { fs, failStop, folderSync, freeSpace } = this.#tools;
    failStop.check();
    const staged = this.#layout.staged(id);
    await freeSpace.claim(0);
    const before = await this.#syncedFile(path);
    const linked = await this.#linkOrCopy({
      from: path,
      to: staged,
      ifExists: 'the staged id is already in use',
    });
    try {
      const after = await failStop.attempt('look at a staged file', () => fs.lstat(staged));
      // Between the two looks the path may have come to name something else, for example a symbolic link.
      const isSame = linked
        ? after.ino === before.ino && after.dev === before.dev
        : after.size === before.size;
      if (!isSame || !after.isFile()) {
        throw new StoreError('conflict', 'the file changed while it was taken over');
      }
      await folderSync.sync(this.#layout.staging);
      return { sizeBytes: after.size, linked };
    } catch (error) {
      await fs.unlink(staged).catch(() => undefined);
      throw error;
    }
  }

  async linkOut(name: ObjectName, path: string): Promise<{ readonly linked: boolean }> {
    const { failStop, folderSync } = this.#tools;
    failStop.check();
    const object = this.#layout.object(name).path;
    await this.#stats(object, name);
    const linked = await this.#linkOrCopy({ from: object, to: path, ifExists: 'the file exists already' });
    await folderSync.sync(dirname(path));
    return { linked };
  }

  /** The bytes of a file from outside may not be on the disk yet. */
  async #syncedFile(path: string): Promise<Stats> {
    const { fs, failStop } = this.#tools;
    const handle = await fs.open(path, constants.O_RDONLY | constants.O_NOFOLLOW).catch((error: unknown) => {
      if (isMissing(error)) throw unknownContent('file', error);
      // A symbolic link is refused with ELOOP.
      throw translateError(error, 'open the file');
    });
    try {
      const stats = await failStop.attempt('look at the file', () => handle.stat());
      if (!stats.isFile()) throw new StoreError('argument-invalid', 'only regular files can be taken over');
      await failStop.vital('sync the file', () => handle.datasync());
      return stats;
    } finally {
      await handle.close().catch(() => undefined);
    }
  }

  async #stats(path: string, resource: string): Promise<Stats> {
    return this.#tools.fs.lstat(path).catch((error: unknown) => {
      throw isMissing(error) ? unknownContent(resource, error) : translateError(error, 'find this content');
    });
  }

  #linkOrCopy(names: Parameters<typeof linkOrCopy>[1]): Promise<boolean> {
    return this.#tools.failStop.attempt('link a file', () => linkOrCopy(this.#tools, names));
  }
}
