import { type Digest, StoreError } from '@zot-artifact-store/spec';
import type { BlobDriver, StagedId } from './blob-driver.ts';
import type { CompositePart } from './composite.ts';
import type { PreparedBlob } from './content-store.ts';

/** One record to be: where its bytes are now. */
export interface PreparedUnit {
  readonly digest: Digest;
  readonly sizeBytes: number;
  readonly source:
    | { readonly kind: 'inline'; readonly bytes: Uint8Array }
    /** `keepStaged`: it is a segment of an upload, which goes on when the commit does not happen. */
    | { readonly kind: 'staged'; readonly id: StagedId; readonly keepStaged?: true }
    | {
        readonly kind: 'composite';
        readonly parts: readonly CompositePart[];
        readonly provisional?: true;
      };
}

/**
 * A prepared blob: one unit, or two when the digest is another name of canonical bytes; parts of a composite come
 * before it.
 */
export class PreparedUnits implements PreparedBlob {
  readonly digest: Digest;
  readonly sizeBytes: number;
  readonly hashes: PreparedBlob['hashes'];
  readonly units: readonly PreparedUnit[];
  readonly #driver: BlobDriver;
  readonly #own: readonly StagedId[];
  readonly #consumed: readonly StagedId[];

  constructor(
    driver: BlobDriver,
    blob: {
      readonly digest: Digest;
      readonly sizeBytes: number;
      readonly hashes?: PreparedBlob['hashes'];
      readonly units: readonly PreparedUnit[];
      /** Staged for this blob alone: gone in any case. */
      readonly own?: readonly StagedId[];
      /** Somebody else's until the commit makes them superfluous: the segments of an upload. */
      readonly consumed?: readonly StagedId[];
    },
  ) {
    this.digest = blob.digest;
    this.sizeBytes = blob.sizeBytes;
    this.hashes = blob.hashes ?? {};
    this.units = blob.units;
    this.#driver = driver;
    this.#own = blob.own ?? [];
    this.#consumed = blob.consumed ?? [];
  }

  async discard(): Promise<void> {
    await removeAll(this.#driver, this.#own);
  }

  /** After the commit: what was not published, that is, `moved` to its final name, is not needed any more. */
  async committed(moved: ReadonlySet<StagedId>): Promise<void> {
    const left = [...this.#own, ...this.#consumed].filter((id) => !moved.has(id));
    await removeAll(this.#driver, left);
  }
}

/** Every staged object is tried; throws the first error afterwards. */
export async function removeAll(driver: BlobDriver, ids: readonly StagedId[]): Promise<void> {
  const results = await Promise.allSettled(ids.map((id) => driver.removeStaged(id)));
  const failed = results.find((result) => result.status === 'rejected');
  if (failed !== undefined) throw failed.reason;
}

/** Prepared blobs come from `ingest`, `assemble` and `compose` of the same store. */
export function asPreparedUnits(prepared: readonly PreparedBlob[]): readonly PreparedUnits[] {
  return prepared.map((blob) => {
    if (blob instanceof PreparedUnits) return blob;
    throw new StoreError('internal', 'a prepared blob was not made by this store', { resource: blob.digest });
  });
}
