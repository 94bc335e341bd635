import type { ObjectBytes } from './object-bytes.ts';

/** A multipart upload whose parts are all there. */
export interface OpenUpload {
  readonly key: string;
  readonly uploadId: string;
  readonly etags: readonly string[];
}

const MAX_REMEMBERED = 1_000_000;

/** What later operations need of earlier ones, of one server. */
export class S3Session {
  readonly bytes: ObjectBytes;
  readonly #keys = new Queues<string>();
  readonly #uploads = new Queues<OpenUpload>();

  constructor(bytes: ObjectBytes) {
    this.bytes = bytes;
  }

  onPut(prefix: string, key: string): void {
    this.#keys.add(prefix, key);
  }

  /** Throws when there is nothing left under the prefix. */
  takeKey(prefix: string): string {
    return this.#keys.take(prefix);
  }

  onOpened(prefix: string, upload: OpenUpload): void {
    this.#uploads.add(prefix, upload);
  }

  takeUpload(prefix: string): OpenUpload {
    return this.#uploads.take(prefix);
  }
}

/** First in, first out, by name. */
class Queues<T> {
  readonly #queues = new Map<string, { readonly items: T[]; next: number }>();
  #count = 0;

  add(name: string, item: T): void {
    if (this.#count >= MAX_REMEMBERED) return;
    this.#count++;
    let queue = this.#queues.get(name);
    if (queue === undefined) {
      queue = { items: [], next: 0 };
      this.#queues.set(name, queue);
    }
    queue.items.push(item);
  }

  take(name: string): T {
    const queue = this.#queues.get(name);
    const item = queue?.items[queue.next];
    if (queue === undefined || item === undefined) throw new RangeError(`nothing is left under ${name}`);
    queue.next++;
    return item;
  }
}
