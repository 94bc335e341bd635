import { open, stat, unlink } from 'node:fs/promises';
import { join } from 'node:path';

const NAME = 'ballast';
const SIZE_BYTES = 1024 * 1024;
const PIECE = Buffer.alloc(64 * 1024, 0x5a);

/**
 * Space that is given back when the disk is full, so that deletions, which make room, can still be written down. It is
 * taken again once there is room.
 */
export class Ballast {
  readonly #path: string;
  #isThere = false;

  constructor(folder: string) {
    this.#path = join(folder, NAME);
  }

  /** Does nothing when the disk has no room for it. */
  async take(): Promise<void> {
    if (this.#isThere) return;
    try {
      if ((await stat(this.#path).catch(() => undefined))?.size !== SIZE_BYTES) await this.#write();
      this.#isThere = true;
    } catch {
      await unlink(this.#path).catch(() => {});
    }
  }

  /** Whether there was something to give. */
  async give(): Promise<boolean> {
    if (!this.#isThere) return false;
    this.#isThere = false;
    await unlink(this.#path).catch(() => {});
    return true;
  }

  async #write(): Promise<void> {
    const file = await open(this.#path, 'w', 0o600);
    try {
      for (let at = 0; at < SIZE_BYTES; at += PIECE.length) await file.write(PIECE);
      await file.sync();
    } finally {
      await file.close();
    }
  }
}
