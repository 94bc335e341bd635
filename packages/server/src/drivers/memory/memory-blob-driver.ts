import { StoreError } from '@zot-artifact-store/spec';
import type {
  BlobDriver,
  ObjectInfo,
  ObjectName,
  PublishOptions,
  ReadOptions,
  SpaceInfo,
  StagedId,
} from '../../content/blob-driver.ts';
import { interruptible } from '../../content/interruptible.ts';
import { parseObjectName, parseStagedId } from '../../content/object-name.ts';
import { checkedRange } from '../checked-range.ts';

interface StoredBytes extends ObjectInfo {
  readonly bytes: Buffer;
}

export interface MemoryBlobDriverOptions {
  /** `storage-full` above this many bytes, staged and published together. */
  readonly capacityBytes?: number;
  readonly now?: () => number;
}

const READ_CHUNK_BYTES = 256 * 1024;

/** Keeps everything in this process: for tests and for stores that may be forgotten. Durable only as long as it lives. */
export class MemoryBlobDriver implements BlobDriver {
  readonly name = 'memory';
  readonly #capacityBytes: number;
  readonly #now: () => number;
  readonly #staged = new Map<StagedId, StoredBytes>();
  readonly #staging = new Set<StagedId>();
  readonly #objects = new Map<ObjectName, StoredBytes>();
  readonly #quarantine = new Map<ObjectName, StoredBytes>();
  #usedBytes = 0;

  constructor(options: MemoryBlobDriverOptions = {}) {
    this.#capacityBytes = options.capacityBytes ?? Number.POSITIVE_INFINITY;
    this.#now = options.now ?? Date.now;
  }

  async open(): Promise<void> {}

  async close(): Promise<void> {}

  async stage(
    id: StagedId,
    source: AsyncIterable<Uint8Array>,
    options: { readonly signal?: AbortSignal } = {},
  ): Promise<number> {
    parseStagedId(id);
    if (this.#staged.has(id) || this.#staging.has(id)) {
      throw new StoreError('conflict', `the staged id ${id} is already in use`);
    }
    this.#staging.add(id);
    const chunks: Buffer[] = [];
    let sizeBytes = 0;
    try {
      for await (const chunk of interruptible(source, options.signal)) {
        if (this.#usedBytes + chunk.length > this.#capacityBytes) {
          throw new StoreError('storage-full', 'the store has no room for this content');
        }
        this.#usedBytes += chunk.length;
        sizeBytes += chunk.length;
        chunks.push(Buffer.from(chunk));
      }
      options.signal?.throwIfAborted();
    } catch (error) {
      this.#usedBytes -= sizeBytes;
      throw error;
    } finally {
      this.#staging.delete(id);
    }
    this.#staged.set(id, { bytes: Buffer.concat(chunks, sizeBytes), sizeBytes, modifiedAtMs: this.#now() });
    return sizeBytes;
  }

  async publish(id: StagedId, name: ObjectName, options: PublishOptions = {}): Promise<void> {
    parseStagedId(id);
    parseObjectName(name);
    const staged = this.#staged.get(id);
    if (staged === undefined) throw new StoreError('blob-unknown', `nothing is staged under ${id}`);
    if (this.#objects.has(name)) throw new StoreError('conflict', 'an object of this name exists already');
    this.#objects.set(name, staged);
    if (options.keepStaged !== true) this.#staged.delete(id);
    else this.#usedBytes += staged.sizeBytes;
  }

  async *read(name: ObjectName, options: ReadOptions = {}): AsyncGenerator<Uint8Array, void, undefined> {
    parseObjectName(name);
    yield* readStored(this.#objects.get(name), name, options);
  }

  async *readStaged(id: StagedId, options: ReadOptions = {}): AsyncGenerator<Uint8Array, void, undefined> {
    parseStagedId(id);
    yield* readStored(this.#staged.get(id), id, options);
  }

  async stat(name: ObjectName): Promise<ObjectInfo | undefined> {
    parseObjectName(name);
    const stored = this.#objects.get(name);
    return stored && { sizeBytes: stored.sizeBytes, modifiedAtMs: stored.modifiedAtMs };
  }

  async remove(name: ObjectName): Promise<void> {
    parseObjectName(name);
    this.#forget(this.#objects, name);
  }

  async removeStaged(id: StagedId): Promise<void> {
    parseStagedId(id);
    this.#forget(this.#staged, id);
  }

  async *list(): AsyncGenerator<{ readonly name: ObjectName } & ObjectInfo, void, undefined> {
    for (const [name, { sizeBytes, modifiedAtMs }] of this.#objects) yield { name, sizeBytes, modifiedAtMs };
  }

  async *listStaged(): AsyncGenerator<{ readonly id: StagedId } & ObjectInfo, void, undefined> {
    for (const [id, { sizeBytes, modifiedAtMs }] of this.#staged) yield { id, sizeBytes, modifiedAtMs };
  }

  async quarantine(name: ObjectName): Promise<void> {
    parseObjectName(name);
    const stored = this.#objects.get(name);
    if (stored === undefined) return;
    this.#objects.delete(name);
    this.#quarantine.set(name, stored);
  }

  async space(): Promise<SpaceInfo | undefined> {
    if (this.#capacityBytes === Number.POSITIVE_INFINITY) return undefined;
    return { availableBytes: this.#capacityBytes - this.#usedBytes, totalBytes: this.#capacityBytes };
  }

  #forget<Name>(map: Map<Name, StoredBytes>, name: Name): void {
    this.#usedBytes -= map.get(name)?.sizeBytes ?? 0;
    map.delete(name);
  }
}

async function* readStored(
  stored: StoredBytes | undefined,
  what: string,
  options: ReadOptions,
): AsyncGenerator<Uint8Array, void, undefined> {
  if (stored === undefined)
    throw new StoreError('blob-unknown', 'the content is not in the store', { resource: what });
  const { start, end } = checkedRange(options.range, stored.sizeBytes);
  for (let offset = start; offset <= end; offset += READ_CHUNK_BYTES) {
    options.signal?.throwIfAborted();
    yield stored.bytes.subarray(offset, Math.min(offset + READ_CHUNK_BYTES, end + 1));
  }
}
