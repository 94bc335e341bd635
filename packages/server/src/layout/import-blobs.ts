import { type Digest, isStoreError, StoreError } from '@zot-artifact-store/spec';
import type { OutsideFile } from '../content/content-store.ts';
import type { ImportTarget, LayoutSource } from './import-layout.ts';
import type { NamedBlob } from './named-blobs.ts';
import { findBlobFile } from './read-layout.ts';
import { type LeftOutKind, leavable, type TransferLog, type TransferRow } from './transfer-log.ts';

/** `there`: the repository had it; `brought`: it has it now; `lost`: it could not be had, which was reported. */
export type BroughtBlob = 'there' | 'brought' | 'lost';

/** The blobs of one layout on their way into one repository, each at most once at a time. */
export class ImportBlobs {
  readonly #target: ImportTarget;
  readonly #source: LayoutSource;
  readonly #row: TransferRow;
  readonly #log: TransferLog;
  readonly #underWay = new Map<Digest, Promise<BroughtBlob>>();
  readonly #lost = new Set<Digest>();

  constructor(
    target: ImportTarget,
    source: LayoutSource,
    to: { readonly row: TransferRow; readonly log: TransferLog },
  ) {
    this.#target = target;
    this.#source = source;
    this.#row = to.row;
    this.#log = to.log;
  }

  /** Whether what is under the digest was reported as left out. */
  isLost(digest: Digest): boolean {
    return this.#lost.has(digest);
  }

  markLost(digest: Digest): void {
    this.#lost.add(digest);
  }

  /** Makes a blob of the layout one of the repository. What may be missing and has no file is not reported. */
  async bring({ digest, sizeBytes, mayBeMissing }: NamedBlob): Promise<BroughtBlob> {
    if (await this.has(digest)) return 'there';
    if (this.#lost.has(digest)) return 'lost';
    try {
      return await this.#bringOnce(digest, sizeBytes);
    } catch (error) {
      const reason = leavable(error);
      if (!mayBeMissing || !isMissingFile(reason)) this.#lose(digest, reason);
      return 'lost';
    }
  }

  async has(digest: Digest): Promise<boolean> {
    try {
      await this.#target.registry.blobs.stat(this.#source.repository, digest);
      return true;
    } catch (error) {
      if (!isStoreError(error, 'blob-unknown')) throw error;
      return false;
    }
  }

  /** The file of a manifest. */
  async findManifest(digest: Digest): Promise<OutsideFile> {
    const file = await findBlobFile(this.#source.layout.folder, digest);
    return file.sizeBytes > 0 ? file : this.#findElsewhere(digest);
  }

  /** Who asks for the same blob meanwhile waits for it, to its end: nothing goes on after an import has ended. */
  #bringOnce(digest: Digest, sizeBytes: number): Promise<BroughtBlob> {
    const underWay = this.#underWay.get(digest);
    if (underWay !== undefined) return underWay;
    const bringing = this.#bring(digest, sizeBytes).finally(() => this.#underWay.delete(digest));
    this.#underWay.set(digest, bringing);
    return bringing;
  }

  async #bring(digest: Digest, sizeBytes: number): Promise<BroughtBlob> {
    const { registry, principal, mayLink, signal } = this.#target;
    const { repository, layout } = this.#source;
    // That the layout has a file for it makes the blob the repository's; a name in a manifest alone does not.
    const here = await findBlobFile(layout.folder, digest);
    if (!(await this.#mount(digest))) {
      const isPlaceholder = here.sizeBytes === 0 && sizeBytes > 0;
      const file = isPlaceholder ? await this.#findElsewhere(digest) : here;
      if (file.sizeBytes !== sizeBytes) throw otherSize(file.sizeBytes, sizeBytes);
      const { linked } = await registry.takeOver({ repository, digest, file, mayLink, principal, signal });
      if (linked) this.#row.linkedBytes += sizeBytes;
      else this.#row.copiedBytes += sizeBytes;
    }
    this.#row.blobs++;
    return 'brought';
  }

  /** What the store has under the digest need not be read again. */
  #mount(digest: Digest): Promise<boolean> {
    const { registry, principal } = this.#target;
    const { repository } = this.#source;
    const mayRead = async (): Promise<boolean> => true;
    return registry.blobs.mount({ repository, digest, from: undefined, principal, mayRead });
  }

  #lose(digest: Digest, error: StoreError): void {
    if (this.#lost.has(digest)) return;
    this.#lost.add(digest);
    const { repository } = this.#source;
    this.#log.problem({ kind: kindOf(error), repository, digest, reason: error.message });
  }

  async #findElsewhere(digest: Digest): Promise<OutsideFile> {
    const found = await this.#source.findElsewhere?.(digest);
    if (found === undefined) throw new UnresolvedPlaceholder();
    return found;
  }
}

export function isMissingFile(error: StoreError): boolean {
  return error.kind === 'blob-unknown' && !(error instanceof UnresolvedPlaceholder);
}

export function kindOf(error: StoreError): LeftOutKind {
  return error instanceof UnresolvedPlaceholder ? 'placeholder-unresolved' : error.kind;
}

/** An empty file where a blob should be: zot's mark, on an object store, for "another repository has the bytes". */
class UnresolvedPlaceholder extends StoreError {
  constructor() {
    super('blob-unknown', 'the file is empty, and no other repository of the tree has its bytes');
  }
}

function otherSize(actual: number, named: number): StoreError {
  return new StoreError('size-invalid', `the file has ${actual} bytes; the manifest says ${named}`);
}
