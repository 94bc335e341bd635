import { type Digest, isStoreError, type RepositoryName } from '@zot-artifact-store/spec';
import { parseManifest } from '../registry/manifest-parser.ts';
import { eachLimited } from '../work/each-limited.ts';
import { SingleFlight } from '../work/single-flight.ts';
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
  readonly #manifests: Once;
  readonly #blobs: Once;

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
    this.#manifests = new Once(source.signal);
    this.#blobs = new Once(source.signal);
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

/** Runs the work for each digest once and remembers the outcome. */
class Once {
  readonly #signal: AbortSignal;
  readonly #flights = new SingleFlight<Digest, Outcome>();
  /** About 100 bytes each: a repository with a million blobs fits. */
  readonly #done = new Map<Digest, Outcome>();

  constructor(signal: AbortSignal) {
    this.#signal = signal;
  }

  async run(digest: Digest, work: () => Promise<Outcome>): Promise<Outcome> {
    const before = this.#done.get(digest);
    if (before !== undefined) return before;
    const outcome = await this.#flights.run(digest, this.#signal, work);
    this.#done.set(digest, outcome);
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
