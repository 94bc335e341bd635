import type { Digest } from '@zot-artifact-store/spec';
import { decodeKey } from '../metadata/keys.ts';
import type { Entry, Key } from '../metadata/metadata-store.ts';
import type { ObjectName } from './blob-driver.ts';
import { type BlobRecord, decodeBlob, findBlob, isProvisional } from './blob-records.ts';
import { findPage } from './composite.ts';
import type { EdgeOwner } from './content-store.ts';
import { compositeOf, compositeOwner, decodeEdge, decodeTime, isOwned } from './edges.ts';
import { contentKeys } from './keyspace.ts';
import { parseObjectName } from './object-name.ts';
import type { ContentVolume } from './volume.ts';

/** Errors: something points to what is not there or cannot be read. */
export type FsckErrorKind =
  | 'record-unreadable'
  | 'object-missing'
  | 'object-size'
  | 'parts-missing'
  | 'part-missing'
  | 'part-edge-missing'
  | 'edge-dangling'
  | 'edge-missing';
/** Notes: nothing is lost, but something waits or leaks. */
export type FsckNoteKind =
  | 'marked-corrupt'
  | 'unowned-unlisted'
  | 'edge-unclaimed'
  | 'object-orphan'
  | 'object-suspect';

export interface FsckProblem<Kind extends string = FsckErrorKind | FsckNoteKind> {
  readonly kind: Kind;
  readonly digest?: Digest;
  /** One line for people: the owner, the object, the sizes. */
  readonly detail: string;
}

export interface FsckReport {
  /** The first MAX_LISTED of each; the counts are complete. */
  readonly errors: readonly FsckProblem<FsckErrorKind>[];
  readonly errorCount: number;
  readonly notes: readonly FsckProblem<FsckNoteKind>[];
  readonly noteCount: number;
  readonly blobs: number;
  readonly blobBytes: number;
  readonly unownedBlobs: number;
  /** Composites under a random name, until somebody has hashed the whole. */
  readonly provisionalBlobs: number;
  readonly edges: number;
  readonly objects: number;
}

/** What the owners of blobs say, so that edges can be compared with them both ways. */
export interface FsckOwners {
  /** Every edge that must exist, in any order. */
  expected(): AsyncIterable<{ readonly digest: Digest; readonly owner: EdgeOwner }>;
  /** Whether the owner of this edge exists and needs it. Never asked about composites. */
  holds(digest: Digest, owner: EdgeOwner): Promise<boolean>;
}

export interface FsckOptions extends ContentVolume {
  readonly owners?: FsckOwners;
  readonly batch?: number;
  readonly signal?: AbortSignal;
}

export const MAX_LISTED = 1_000;

/**
 * Checks every reference of the volume and writes nothing. Memory does not grow with the store: each side is paged and
 * the other is looked up by key. It may run beside live traffic: what looks wrong is read a second time before it is
 * reported, because a record may change between two reads.
 */
export async function fsck(options: FsckOptions): Promise<FsckReport> {
  const check = new Fsck(options);
  await check.blobs();
  await check.edges();
  await check.expectedEdges();
  await check.objects();
  return check.report();
}

type Problems = FsckProblem[];

const ERROR_KINDS: ReadonlySet<string> = new Set<FsckErrorKind>([
  'record-unreadable',
  'object-missing',
  'object-size',
  'parts-missing',
  'part-missing',
  'part-edge-missing',
  'edge-dangling',
  'edge-missing',
]);

class Fsck {
  readonly #options: FsckOptions;
  readonly #batch: number;
  readonly #errors: FsckProblem<FsckErrorKind>[] = [];
  readonly #notes: FsckProblem<FsckNoteKind>[] = [];
  #errorCount = 0;
  #noteCount = 0;
  #blobs = 0;
  #blobBytes = 0;
  #unowned = 0;
  #provisional = 0;
  #edges = 0;
  #objects = 0;

  constructor(options: FsckOptions) {
    this.#options = options;
    this.#batch = options.batch ?? 512;
  }

  report(): FsckReport {
    return {
      errors: this.#errors,
      errorCount: this.#errorCount,
      notes: this.#notes,
      noteCount: this.#noteCount,
      blobs: this.#blobs,
      blobBytes: this.#blobBytes,
      unownedBlobs: this.#unowned,
      provisionalBlobs: this.#provisional,
      edges: this.#edges,
      objects: this.#objects,
    };
  }

  async blobs(): Promise<void> {
    const { volume } = this.#options;
    for await (const { key } of this.#rows(contentKeys.blobs(volume))) {
      const [, blob] = decodeKey(key);
      if (typeof blob !== 'object') continue;
      this.#blobs += 1;
      await this.#report(() => this.#checkBlob(blob.digest));
    }
  }

  /** Every edge leads to a blob, and comes from an owner. Edges of one blob are neighbours, so it is read once. */
  async edges(): Promise<void> {
    const { metadata, volume, owners } = this.#options;
    let last: Digest | undefined;
    for await (const { key } of this.#rows(contentKeys.edges(volume))) {
      const { digest, owner } = decodeEdge(key);
      this.#edges += 1;
      const isGone = async () => (await metadata.get(key)) === undefined;
      if (digest !== last) {
        const value = await metadata.get(contentKeys.blob(volume, digest));
        if (value === undefined && !(await isGone())) {
          this.#add({
            kind: 'edge-dangling',
            digest,
            detail: `held by ${ownerText(owner)}, but there is no blob`,
          });
        } else last = digest;
      }
      if ((await this.#isClaimed(digest, owner, owners)) || (await isGone())) continue;
      if (await this.#isClaimed(digest, owner, owners)) continue;
      this.#add({
        kind: 'edge-unclaimed',
        digest,
        detail: `${ownerText(owner)} does not exist or does not need it`,
      });
    }
  }

  async expectedEdges(): Promise<void> {
    const { metadata, volume, owners, signal } = this.#options;
    if (owners === undefined) return;
    for await (const { digest, owner } of owners.expected()) {
      signal?.throwIfAborted();
      if ((await metadata.get(contentKeys.edge(volume, digest, owner))) !== undefined) continue;
      if (!(await owners.holds(digest, owner))) continue;
      this.#add({ kind: 'edge-missing', digest, detail: `${ownerText(owner)} needs it and holds no edge` });
    }
  }

  async objects(): Promise<void> {
    const { driver, volume, metadata, signal } = this.#options;
    for await (const { name } of driver.list()) {
      signal?.throwIfAborted();
      this.#objects += 1;
      const { digest } = parseObjectName(name);
      const isKnown = async () =>
        (await this.#pointsTo(digest, name)) ||
        (await metadata.get(contentKeys.trash(volume, name))) !== undefined ||
        (await driver.stat(name)) === undefined;
      if ((await isKnown()) || (await isKnown())) continue;
      const isSuspect = (await metadata.get(contentKeys.suspect(volume, name))) !== undefined;
      this.#add({ kind: isSuspect ? 'object-suspect' : 'object-orphan', digest, detail: name });
    }
  }

  async #pointsTo(digest: Digest, name: ObjectName): Promise<boolean> {
    const value = await this.#options.metadata.get(contentKeys.blob(this.#options.volume, digest));
    if (value === undefined) return false;
    try {
      const { location } = decodeBlob(digest, value);
      return location.kind === 'file' && location.name === name;
    } catch {
      return true; // reported as an unreadable record; its object is not an orphan
    }
  }

  async #isClaimed(digest: Digest, owner: EdgeOwner, owners: FsckOwners | undefined): Promise<boolean> {
    const composite = compositeOf(owner);
    if (composite === undefined) return owners === undefined || (await owners.holds(digest, owner));
    const value = await this.#options.metadata.get(contentKeys.blob(this.#options.volume, composite));
    return value !== undefined;
  }

  async #checkBlob(digest: Digest): Promise<Problems> {
    const { metadata, volume } = this.#options;
    const problems: Problems = [];
    const value = await metadata.get(contentKeys.blob(volume, digest));
    if (value === undefined) return problems;
    let record: BlobRecord;
    try {
      record = decodeBlob(digest, value);
    } catch {
      return [{ kind: 'record-unreadable', digest, detail: `${value.length} bytes that are no blob record` }];
    }
    this.#blobBytes += record.size;
    if (isProvisional(record)) this.#provisional += 1;
    if (record.corrupt) problems.push({ kind: 'marked-corrupt', digest, detail: 'waits for a new upload' });
    else problems.push(...(await this.#checkLocation(digest, record)));
    if (!(await isOwned(this.#options, digest))) {
      this.#unowned += 1;
      if (!(await this.#isCandidate(digest))) {
        problems.push({
          kind: 'unowned-unlisted',
          digest,
          detail: 'nobody owns it and it will not be collected',
        });
      }
    }
    return problems;
  }

  async #checkLocation(digest: Digest, record: BlobRecord): Promise<Problems> {
    const { location, size } = record;
    switch (location.kind) {
      case 'inline':
        if (location.bytes.length === size) return [];
        return [
          { kind: 'object-size', digest, detail: `${location.bytes.length} bytes inline instead of ${size}` },
        ];
      case 'file': {
        const info = await this.#options.driver.stat(location.name);
        if (info === undefined) return [{ kind: 'object-missing', digest, detail: location.name }];
        if (info.sizeBytes === size) return [];
        return [
          {
            kind: 'object-size',
            digest,
            detail: `${location.name} has ${info.sizeBytes} bytes, not ${size}`,
          },
        ];
      }
      case 'composite':
        return this.#checkParts(digest, size, location);
    }
  }

  async #checkParts(
    digest: Digest,
    size: number,
    location: { readonly parts: number; readonly pages: number },
  ): Promise<Problems> {
    const { metadata, volume } = this.#options;
    const problems: Problems = [];
    let parts = 0;
    let sizeBytes = 0;
    for (let index = 0; index < location.pages; index++) {
      const page = await findPage(this.#options, digest, index);
      if (page?.startBytes !== sizeBytes) {
        return [
          { kind: 'parts-missing', digest, detail: `list ${index} of ${location.pages} is missing or wrong` },
        ];
      }
      for (const part of page.parts) {
        parts += 1;
        sizeBytes += part.sizeBytes;
        const edge = await metadata.get(contentKeys.edge(volume, part.digest, compositeOwner(digest)));
        if (edge === undefined) problems.push({ kind: 'part-edge-missing', digest, detail: part.digest });
        const found = await findBlob(this.#options, part.digest);
        if (found?.record.size === part.sizeBytes) continue;
        problems.push({
          kind: 'part-missing',
          digest,
          detail: `${part.digest}: ${found ? 'wrong size' : 'no blob'}`,
        });
      }
    }
    if (parts === location.parts && sizeBytes === size) return problems;
    const detail = `${parts} parts with ${sizeBytes} bytes instead of ${location.parts} with ${size}`;
    return [...problems, { kind: 'parts-missing', digest, detail }];
  }

  async #isCandidate(digest: Digest): Promise<boolean> {
    const { metadata, volume } = this.#options;
    const due = await metadata.get(contentKeys.due(volume, digest));
    if (due === undefined) return false;
    return (await metadata.get(contentKeys.candidate(volume, decodeTime(due), digest))) !== undefined;
  }

  /** Runs the check again when it finds something, and keeps what the second run says. */
  async #report(check: () => Promise<Problems>): Promise<void> {
    const [bytes, unowned, provisional] = [this.#blobBytes, this.#unowned, this.#provisional];
    let problems = await check();
    if (problems.length > 0) {
      [this.#blobBytes, this.#unowned, this.#provisional] = [bytes, unowned, provisional];
      problems = await check();
    }
    for (const problem of problems) this.#add(problem);
  }

  #add(problem: FsckProblem): void {
    if (isError(problem)) {
      this.#errorCount += 1;
      if (this.#errors.length < MAX_LISTED) this.#errors.push(problem);
    } else if (isNote(problem)) {
      this.#noteCount += 1;
      if (this.#notes.length < MAX_LISTED) this.#notes.push(problem);
    }
  }

  async *#rows(prefix: Key): AsyncGenerator<Entry, void, undefined> {
    let after: Key | undefined;
    for (;;) {
      this.#options.signal?.throwIfAborted();
      const limit = this.#batch;
      const rows = await this.#options.metadata.scan({ prefix }, { limit, ...(after && { after }) });
      yield* rows;
      after = rows.at(-1)?.key;
      if (rows.length < limit) return;
    }
  }
}

function isError(problem: FsckProblem): problem is FsckProblem<FsckErrorKind> {
  return ERROR_KINDS.has(problem.kind);
}

function isNote(problem: FsckProblem): problem is FsckProblem<FsckNoteKind> {
  return !ERROR_KINDS.has(problem.kind);
}

function ownerText(owner: EdgeOwner): string {
  return owner.map((part) => (typeof part === 'object' ? part.digest : String(part))).join(' ');
}
