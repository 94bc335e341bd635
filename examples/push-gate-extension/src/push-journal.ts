import { type FileHandle, open } from 'node:fs/promises';
import type { MetadataStore, Observer, StoreEvent } from '@zot-artifact-store/server';
import { lastPushCodec, lastPushKey } from './last-push.ts';

export interface PushJournalOptions {
  readonly path: string;
  readonly metadata: MetadataStore;
}

/**
 * The observer: a line of JSON for each manifest pushed, and a record of the last push of each repository. An event may
 * come twice (after a crash), so a line carries the event's id, by which a reader drops what it has seen; writing the
 * record again changes nothing.
 */
export class PushJournal implements Observer {
  readonly name = 'journal';
  readonly #file: FileHandle;
  readonly #metadata: MetadataStore;

  static async open({ path, metadata }: PushJournalOptions): Promise<PushJournal> {
    return new PushJournal(await open(path, 'a', 0o600), metadata);
  }

  private constructor(file: FileHandle, metadata: MetadataStore) {
    this.#file = file;
    this.#metadata = metadata;
  }

  async observe(event: StoreEvent): Promise<void> {
    if (event.type !== 'manifest.pushed') return;
    const { id, atMs, repository, digest, tags, actor } = event;
    await this.#file.appendFile(`${JSON.stringify({ id, atMs, repository, digest, tags, actor })}\n`);
    // The event counts as delivered when this returns, so what it brought must not be lost after that.
    await this.#file.datasync();
    const value = lastPushCodec.encode({ digest, tags, atMs });
    await this.#metadata.commit({ puts: [{ key: lastPushKey(repository), value }] });
  }

  async close(): Promise<void> {
    await this.#file.close();
  }
}
