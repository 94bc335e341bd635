import { constants } from 'node:fs';
import { StoreError } from '@zot-artifact-store/spec';
import type { StageTools } from './stage-file.ts';
import { errorCode } from './translate-error.ts';

/** What link(2) answers where files cannot share an inode: another filesystem, no hard links, too many of them. */
const NO_LINK = new Set(['EXDEV', 'EPERM', 'EMLINK', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS']);

type LinkTools = Pick<StageTools, 'fs' | 'failStop' | 'fileMode'>;

/**
 * Gives the bytes of `from` the further name `to`, which is not durable yet. Whether they are shared; else `to` is a
 * synced copy, where the filesystem refuses links. `conflict` with the text `ifExists` when `to` exists; other errors are
 * the system's own.
 */
export async function linkOrCopy(
  tools: LinkTools,
  { from, to, ifExists }: { readonly from: string; readonly to: string; readonly ifExists: string },
): Promise<boolean> {
  const refuse = (error: unknown): never => {
    if (errorCode(error) === 'EEXIST') throw new StoreError('conflict', ifExists, { cause: error });
    throw error;
  };
  try {
    await tools.fs.link(from, to);
    return true;
  } catch (error) {
    if (!NO_LINK.has(errorCode(error))) return refuse(error);
  }
  await copy(tools, from, to).catch(refuse);
  return false;
}

async function copy({ fs, failStop, fileMode }: LinkTools, from: string, to: string): Promise<void> {
  // Created first, so that a failed copy never removes a file of somebody else.
  const handle = await fs.open(to, 'wx', fileMode);
  try {
    await fs.copyFile(from, to, constants.COPYFILE_FICLONE);
    await failStop.vital('sync a copy', () => handle.datasync());
  } catch (error) {
    await fs.unlink(to).catch(() => undefined);
    throw error;
  } finally {
    await handle.close().catch(() => undefined);
  }
}
