import { constants } from 'node:fs';
import { type FileHandle, mkdir, open } from 'node:fs/promises';
import { join } from 'node:path';
import { fileName } from './stream-files.ts';

/** What a stream is written with. */
export type AppendedFile = Pick<StreamFileAppender, 'sizeBytes' | 'append' | 'sync' | 'close'>;

/** Appends to one file of a stream; what an append that failed left is cut off before the next. */
export class StreamFileAppender {
  readonly #handle: FileHandle;
  #sizeBytes: number;
  #isTorn = false;

  private constructor(handle: FileHandle, sizeBytes: number) {
    this.#handle = handle;
    this.#sizeBytes = sizeBytes;
  }

  /** The file whose first record has this number; what is in it behind `sizeBytes` is cut off. */
  static async open(folder: string, firstSeq: number, sizeBytes: number): Promise<StreamFileAppender> {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    const handle = await open(join(folder, fileName(firstSeq)), constants.O_RDWR | constants.O_CREAT, 0o600);
    try {
      await handle.truncate(sizeBytes);
      if (sizeBytes === 0) await syncFolder(folder);
    } catch (error) {
      await handle.close();
      throw error;
    }
    return new StreamFileAppender(handle, sizeBytes);
  }

  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  /** All of the text or, as far as readers of whole lines see, nothing. */
  async append(text: string): Promise<void> {
    const bytes = Buffer.from(text);
    if (this.#isTorn) {
      await this.#handle.truncate(this.#sizeBytes);
      this.#isTorn = false;
    }
    this.#isTorn = true;
    for (let at = 0; at < bytes.length; ) {
      const { bytesWritten } = await this.#handle.write(bytes, at, bytes.length - at, this.#sizeBytes + at);
      at += bytesWritten;
    }
    this.#isTorn = false;
    this.#sizeBytes += bytes.length;
  }

  sync(): Promise<void> {
    return this.#handle.datasync();
  }

  close(): Promise<void> {
    return this.#handle.close();
  }
}

async function syncFolder(folder: string): Promise<void> {
  for (const path of [folder, join(folder, '..')]) {
    const handle = await open(path, 'r');
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
  }
}
