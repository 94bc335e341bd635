import { type ErrorKind, isStoreError, type StoreError } from '@zot-artifact-store/spec';

/** Why something did not come over: what the store said of it, or what only a layout can have. */
export type LeftOutKind =
  | ErrorKind
  /** A folder that looks like a layout and is not one, or is not whole. */
  | 'layout-invalid'
  /** An entry of index.json that is no descriptor. */
  | 'descriptor-invalid'
  /** An empty file that stands for a blob of another repository, and no other repository has it. */
  | 'placeholder-unresolved'
  /** The tag is in the store and names another manifest. */
  | 'tag-differs'
  /** The layout gives the tag to more than one manifest. */
  | 'tag-repeated'
  /** A name that means something else in the folder that is written. */
  | 'name-reserved'
  | 'symbolic-link'
  /** A file under blobs that is no blob. */
  | 'file-unknown'
  /** A blob that nothing names. */
  | 'unreferenced';

export interface LeftOut {
  readonly kind: LeftOutKind;
  readonly repository?: string;
  readonly digest?: string;
  readonly tag?: string;
  /** One sentence for people. */
  readonly reason: string;
}

/** What makes going on pointless, because it is not about the one thing that was being transferred. */
const FATAL: ReadonlySet<ErrorKind> = new Set(['storage-full', 'unavailable', 'internal']);

/** The error, when it is about one thing that can be left out; else it is thrown again. */
export function leavable(error: unknown): StoreError {
  if (!isStoreError(error) || FATAL.has(error.kind)) throw error;
  return error;
}

/** What came over of one repository. */
export interface TransferRow {
  readonly repository: string;
  /** Manifests and blobs that this run brought over, and tags that it set. An export sets each in a new index.json. */
  manifests: number;
  tags: number;
  blobs: number;
  /** Bytes now shared with the source by hard links, and bytes copied. */
  linkedBytes: number;
  copiedBytes: number;
  /** Manifests that were there before, with all that belongs to them. */
  alreadyThere: number;
}

/** What an import or export did. */
export interface TransferReport {
  readonly repositories: readonly TransferRow[];
  /** What was named and is not there now; the first of them, `problemCount` counts all. */
  readonly problems: readonly LeftOut[];
  readonly problemCount: number;
  /** What was left out and is missed by nothing. */
  readonly notes: readonly LeftOut[];
  readonly noteCount: number;
  /** False when the run was ended early; another run goes on where it stopped. */
  readonly complete: boolean;
}

/** Enough to see what is wrong; a layout can be wrong in millions of places. */
const MAX_LISTED = 1_000;

/** Takes down what a transfer does while it runs. */
export class TransferLog {
  readonly #rows: TransferRow[] = [];
  readonly #problems: LeftOut[] = [];
  readonly #notes: LeftOut[] = [];
  #problemCount = 0;
  #noteCount = 0;

  /** A row to count in. */
  row(repository: string): TransferRow {
    const row = {
      repository,
      manifests: 0,
      tags: 0,
      blobs: 0,
      linkedBytes: 0,
      copiedBytes: 0,
      alreadyThere: 0,
    };
    this.#rows.push(row);
    return row;
  }

  problem(leftOut: LeftOut): void {
    if (++this.#problemCount <= MAX_LISTED) this.#problems.push(leftOut);
  }

  note(leftOut: LeftOut): void {
    if (++this.#noteCount <= MAX_LISTED) this.#notes.push(leftOut);
  }

  report({ complete }: { readonly complete: boolean }): TransferReport {
    return {
      repositories: this.#rows,
      problems: this.#problems,
      problemCount: this.#problemCount,
      notes: this.#notes,
      noteCount: this.#noteCount,
      complete,
    };
  }
}
