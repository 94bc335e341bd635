import { type Digest, isStoreError, type RepositoryName } from '@zot-artifact-store/spec';
import { parseManifest } from '../registry/manifest-parser.ts';
import { eachLimited } from '../work/each-limited.ts';
import type { BlobFolder } from './blob-folder.ts';
import type { ExportSource } from './export-repository.ts';
import { type NamedBlob, namedBlobs } from './named-blobs.ts';
import { leavable, type TransferLog, type TransferRow } from './transfer-log.ts';
import type { IndexEntry } from './write-index.ts';

const MANIFESTS_AT_ONCE = 16;
const BLOBS_AT_ONCE = 2;

type Outcome = 'there' | 'lost';

/** The manifests of one repository on their way into one folder, with their blobs, each once. */
export class ExportManifests {
  readonly #source: ExportSource;
  readonly #repository: RepositoryName;
  readonly #files: BlobFolder;
  readonly #row: TransferRow;
  readonly #log: TransferLog;
  readonly #manifests = new Once();
  readonly #blobs = new Once();

  constructor(
    source: ExportSource,
    to: {
      readonly repository: RepositoryName;
      readonly files: BlobFolder;
      readonly row: TransferRow;
      readonly log: TransferLog;
    },
  ) {
    this.#source = source;
    this.#repository = to.repository;
    this.#files = to.files;
    this.#row = to.row;
    this.#log = to.log;
  }

  /** Returns which of the manifests are in the folder now. */
  async write(page: readonly IndexEntry[]): Promise<ReadonlySet<Digest>> {
    const there = new Set<Digest>();
    await eachLimited(page, MANIFESTS_AT_ONCE, async (entry) => {
      const { digest } = entry;
      const outcome = await this.#manifests.run(digest, () => this.#writeManifest(entry));
      if (outcome === 'lost') return;
      there.add(digest);
      if (entry.tag !== undefined) this.#row.tags++;
    });
    return there;
  }

  async #writeManifest({ digest, mediaType }: IndexEntry): Promise<Outcome> {
    const repository = this.#repository;
    try {
      const bytes = await unlessGone(this.#source.registry.manifests.read(repository, digest));
      if (bytes === undefined) return 'lost';
      await eachLimited(namedBlobs(parseManifest(bytes, mediaType)), BLOBS_AT_ONCE, (blob) =>
        this.#blobs.run(blob.digest, () => this.#writeBlob(blob)),
      );
      const read = async () => chunk(bytes);
      const how = await this.#files.write({ digest, sizeBytes: bytes.length, read });
      if (how === 'kept') this.#row.alreadyThere++;
      else this.#row.manifests++;
      return 'there';
    } catch (error) {
      const { kind, message } = leavable(error);
      this.#log.problem({ kind, repository, digest, reason: `the manifest was left out: ${message}` });
      return 'lost';
    }
  }

  async #writeBlob({ digest, sizeBytes, mayBeMissing }: NamedBlob): Promise<Outcome> {
    const { registry, mayLink, signal } = this.#source;
    const repository = this.#repository;
    try {
      await registry.blobs.stat(repository, digest);
      const linkTo = (path: string) => registry.linkOut({ repository, digest, path });
      const read = () => registry.blobs.read(repository, digest, { signal });
      const how = await this.#files.write({ digest, sizeBytes, read, ...(mayLink ? { linkTo } : {}) });
      if (how === 'kept') return 'there';
      this.#row.blobs++;
      this.#row[how === 'linked' ? 'linkedBytes' : 'copiedBytes'] += sizeBytes;
      return 'there';
    } catch (error) {
      const { kind, message } = leavable(error);
      if (!(mayBeMissing && kind === 'blob-unknown')) {
        this.#log.problem({ kind, repository, digest, reason: message });
      }
      return 'lost';
    }
  }
}

/** Runs the work for each digest once; who asks again gets the same outcome. */
class Once {
  /** About 200 bytes each: a repository with a million blobs fits. */
  readonly #outcomes = new Map<Digest, Promise<Outcome>>();

  run(digest: Digest, work: () => Promise<Outcome>): Promise<Outcome> {
    let outcome = this.#outcomes.get(digest);
    if (outcome === undefined) {
      outcome = work();
      this.#outcomes.set(digest, outcome);
    }
    return outcome;
  }
}

async function* chunk(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}

/** Undefined when what was asked for has been deleted meanwhile. */
export async function unlessGone<T>(found: Promise<T>): Promise<T | undefined> {
  try {
    return await found;
  } catch (error) {
    if (isStoreError(error, 'manifest-unknown') || isStoreError(error, 'repository-unknown'))
      return undefined;
    throw error;
  }
}
