import { StoreError } from '@zot-artifact-store/spec';
import type { SpaceInfo } from '../../content/blob-driver.ts';
import type { FileSystem } from './file-system.ts';
import { translateError } from './translate-error.ts';

const FRESH_MS = 250;

/** Keeps a reserve of the disk free: the metadata store on the same disk must be able to commit when blobs cannot. */
export class FreeSpace {
  readonly #fs: FileSystem;
  readonly #root: string;
  readonly #reserveBytes: number;
  readonly #now: () => number;
  #asked: Promise<SpaceInfo> | undefined;
  #askedAtMs = 0;
  /** Written by us since the answer. */
  #writtenBytes = 0;

  constructor(options: {
    readonly fs: FileSystem;
    readonly root: string;
    readonly reserveBytes: number;
    readonly now: () => number;
  }) {
    this.#fs = options.fs;
    this.#root = options.root;
    this.#reserveBytes = options.reserveBytes;
    this.#now = options.now;
  }

  /** Throws `storage-full` when another `bytes` would eat into the reserve. Asks the filesystem four times a second. */
  async claim(bytes: number): Promise<void> {
    const space = await this.#recent();
    if (space.availableBytes - this.#writtenBytes - bytes < this.#reserveBytes) {
      throw new StoreError('storage-full', 'the store has no room for this content');
    }
    this.#writtenBytes += bytes;
  }

  async measure(): Promise<SpaceInfo> {
    try {
      const { bavail, blocks, bsize } = await this.#fs.statfs(this.#root);
      return { availableBytes: bavail * bsize, totalBytes: blocks * bsize };
    } catch (error) {
      throw translateError(error, 'measure its free space');
    }
  }

  #recent(): Promise<SpaceInfo> {
    const nowMs = this.#now();
    if (this.#asked === undefined || nowMs - this.#askedAtMs >= FRESH_MS) {
      const asked = this.measure();
      asked.catch(() => {
        if (this.#asked === asked) this.#asked = undefined;
      });
      this.#asked = asked;
      this.#askedAtMs = nowMs;
      this.#writtenBytes = 0;
    }
    return this.#asked;
  }
}
