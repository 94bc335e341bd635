import { unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { StoreError } from '@zot-artifact-store/spec';
import type { Logger } from 'pino';
import type { MetadataStore } from '../../../metadata/metadata-store.ts';
import type { AuditEntry } from '../entry/audit-entry.ts';
import { Ballast } from './ballast.ts';
import { chainLine, type Head } from './chain.ts';
import { readCheckpoint, signCheckpoint } from './checkpoint.ts';
import { type KnownStream, keepKnown, readKnown } from './heads.ts';
import { type Recovered, recover } from './recover.ts';
import type { SigningKey } from './signing-key.ts';
import { type AppendedFile, StreamFileAppender } from './stream-file-appender.ts';
import { headBefore, listFiles } from './stream-files.ts';

export interface StreamWriterOptions {
  /** The folder of the trail. */
  readonly folder: string;
  /** Written by this process alone. */
  readonly stream: string;
  readonly metadata: MetadataStore;
  readonly key: SigningKey;
  readonly clock: { now(): number };
  readonly log: Pick<Logger, 'warn' | 'error' | 'info'>;
  readonly rotateBytes: number;
  /** How many files are kept besides the one that is written. */
  readonly keepFiles: number;
  /** A checkpoint comes after so many records, or so long after the first without one. */
  readonly checkpointRecords: number;
  readonly checkpointMs: number;
  /** Whether a record counts as written only once the disk has it. */
  readonly syncEach: boolean;
  /** `StreamFileAppender.open` unless given. */
  readonly openFile?: (folder: string, firstSeq: number, sizeBytes: number) => Promise<AppendedFile>;
}

interface Waiting {
  readonly entry: AuditEntry;
  readonly settle: PromiseWithResolvers<void>;
}

/** The disk has what was written after this long, and the metadata store knows of it. */
const SYNC_EVERY_MS = 1_000;
/** A disk that takes longer is as good as none. */
const WRITE_WITHIN_MS = 10_000;
const MAX_WAITING = 10_000;
const MAX_BATCH = 500;

/**
 * One stream of the trail: whatever comes while a write is under way goes into the next one. An append resolves when the
 * operating system has the record, which the end of this process cannot undo; with `syncEach`, when the disk has it.
 */
export class StreamWriter {
  readonly #options: StreamWriterOptions;
  readonly #ballast: Ballast;
  #waiting: Waiting[] = [];
  #writing: Promise<void> | undefined;
  #head: Head;
  #file: AppendedFile;
  #known: KnownStream;
  #sinceCheckpoint = 0;
  #uncheckedSinceMs: number | undefined;
  #failure: StoreError | undefined;
  #lost = 0;
  #isUnsynced = false;
  #isForgetful = false;
  #syncing: Promise<void> | undefined;
  #timer: NodeJS.Timeout | undefined;
  #isClosed = false;

  private constructor(options: StreamWriterOptions, head: Head, file: AppendedFile, known: KnownStream) {
    this.#options = options;
    this.#ballast = new Ballast(join(options.folder, options.stream));
    this.#head = head;
    this.#file = file;
    this.#known = known;
  }

  /**
   * Goes on where the stream ends, and writes down how it was found. Throws node's errors when the folder cannot be
   * written.
   */
  static async open(options: StreamWriterOptions): Promise<StreamWriter> {
    const { folder, stream, metadata, key, log, openFile = StreamFileAppender.open } = options;
    const found = await recover(folder, stream);
    const known = await readKnown(metadata, stream);
    const expected = known && readCheckpoint(known.head);
    const firstSeq = found.last?.file.firstSeq ?? found.head.seq + 1;
    const file = await openFile(join(folder, stream), firstSeq, found.last?.sizeBytes ?? 0);
    const writer = new StreamWriter(options, found.head, file, {
      head: signCheckpoint(stream, found.head, key),
      ...(known?.keptAfter !== undefined && { keptAfter: known.keptAfter }),
    });
    const missing = missingRecords(found, expected?.head);
    if (missing !== undefined || found.isAltered) {
      log.error(
        { stream, ...missing, altered: found.isAltered },
        'the audit trail is not what it was; run "zas audit verify"',
      );
    }
    await writer.#ballast.take();
    writer.#timer = setInterval(() => writer.#tick(), SYNC_EVERY_MS);
    writer.#timer.unref();
    await writer.append({
      type: 'start',
      time: new Date(options.clock.now()).toISOString(),
      pid: process.pid,
      ...(found.tornBytes > 0 && { tornBytes: found.tornBytes }),
      ...(missing !== undefined && { missing }),
      ...(found.isAltered && { altered: true }),
    });
    return writer;
  }

  /** Why the last write failed; undefined when it did not. */
  get failure(): StoreError | undefined {
    return this.#failure;
  }

  /** How many records were lost since the last one that was written. */
  get lost(): number {
    return this.#lost;
  }

  /** Throws `unavailable` when the record could not be written; it is then counted, and the next one tells of it. */
  append(entry: AuditEntry): Promise<void> {
    if (this.#isClosed || this.#waiting.length >= MAX_WAITING) {
      this.#lost += 1;
      return Promise.reject(
        unwritable(this.#isClosed ? 'the server is stopping' : 'too much is waiting for the disk'),
      );
    }
    const settle = Promise.withResolvers<void>();
    this.#waiting.push({ entry, settle });
    this.#writing ??= this.#writeAll();
    return settle.promise;
  }

  /** Writes what waits and a last checkpoint. */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    clearInterval(this.#timer);
    while (this.#writing !== undefined) await this.#writing;
    await this.#syncing;
    try {
      if (this.#sinceCheckpoint > 0) await this.#appendCheckpoint();
      await this.#sync();
    } catch (error) {
      this.#options.log.warn({ err: error }, 'the audit trail has no last checkpoint');
    }
    await this.#file.close();
  }

  async #writeAll(): Promise<void> {
    // What else comes in this turn goes into the same write.
    await Promise.resolve();
    while (this.#waiting.length > 0) {
      const batch = this.#waiting.splice(0, MAX_BATCH);
      const late = setTimeout(
        () => this.#giveUp(batch, unwritable('the disk does not answer')),
        WRITE_WITHIN_MS,
      );
      try {
        await this.#write(batch.map(({ entry }) => entry));
        if (this.#options.syncEach) await this.#sync();
        this.#failure = undefined;
        for (const { settle } of batch) settle.resolve();
      } catch (error) {
        this.#lost += batch.length;
        this.#giveUp(batch, unwritable(reasonOf(error), error));
      } finally {
        clearTimeout(late);
      }
    }
    this.#writing = undefined;
  }

  async #write(entries: readonly AuditEntry[]): Promise<void> {
    const { rotateBytes, checkpointRecords, clock } = this.#options;
    if (this.#file.sizeBytes >= rotateBytes) await this.#tryToRotate();
    const lost = this.#lost;
    let head = this.#head;
    let text = '';
    const add = (fields: AuditEntry): void => {
      const chained = chainLine(head, { ...fields, stream: this.#options.stream });
      head = chained.head;
      text += chained.line;
    };
    if (this.#file.sizeBytes === 0) add(this.#fileRecord());
    if (lost > 0) add({ type: 'gap', time: this.#now(), lost });
    for (const entry of entries) add(entry);
    const records = this.#sinceCheckpoint + head.seq - this.#head.seq;
    const isDue = records >= checkpointRecords;
    if (isDue) add(this.#checkpoint(head));
    await this.#append(text);
    this.#head = head;
    this.#lost -= lost;
    this.#isUnsynced = true;
    this.#sinceCheckpoint = isDue ? 0 : records;
    this.#uncheckedSinceMs = isDue ? undefined : (this.#uncheckedSinceMs ?? clock.now());
  }

  async #append(text: string): Promise<void> {
    try {
      await this.#file.append(text);
    } catch (error) {
      if (codeOf(error) !== 'ENOSPC' || !(await this.#ballast.give())) throw error;
      await this.#file.append(text);
    }
  }

  /** Says what the first record of the file follows, for when the files before it are gone. */
  #fileRecord(): AuditEntry {
    return { type: 'file', time: this.#now(), follows: this.#head.hash.toString('base64url') };
  }

  #checkpoint(head: Head): AuditEntry {
    const { stream, key } = this.#options;
    return { type: 'checkpoint', time: this.#now(), note: signCheckpoint(stream, head, key) };
  }

  async #appendCheckpoint(): Promise<void> {
    const { stream } = this.#options;
    const { head, line } = chainLine(this.#head, { ...this.#checkpoint(this.#head), stream });
    await this.#append(line);
    this.#head = head;
    this.#sinceCheckpoint = 0;
    this.#uncheckedSinceMs = undefined;
  }

  /** A disk without room for another file may have some for another line. */
  async #tryToRotate(): Promise<void> {
    try {
      await this.#rotate();
    } catch (error) {
      this.#options.log.warn({ err: error }, 'the audit trail goes on in the file it has');
    }
  }

  async #rotate(): Promise<void> {
    const { folder, stream, openFile = StreamFileAppender.open } = this.#options;
    if (this.#sinceCheckpoint > 0) await this.#appendCheckpoint();
    await this.#sync();
    const next = await openFile(join(folder, stream), this.#head.seq + 1, 0);
    await this.#file.close();
    this.#file = next;
    await this.#removeOld();
  }

  /** First the metadata store learns what is gone on purpose, then it goes. */
  async #removeOld(): Promise<void> {
    const { folder, stream, keepFiles, key, log } = this.#options;
    const files = await listFiles(folder, stream);
    const surplus = files.slice(0, Math.max(0, files.length - 1 - keepFiles));
    const firstKept = files[surplus.length];
    if (surplus.length === 0 || firstKept === undefined) return;
    const before = await headBefore(firstKept.path);
    if (before !== undefined) {
      const isKnown = await this.#remember({
        ...this.#known,
        keptAfter: signCheckpoint(stream, before, key),
      });
      if (!isKnown) return;
    }
    for (const { path, name } of surplus) {
      await unlink(path);
      log.info({ stream, file: name }, 'an old file of the audit trail was removed');
    }
  }

  #tick(): void {
    if (!this.#isUnsynced || this.#syncing !== undefined || this.#isClosed) return;
    const { clock, checkpointMs, log } = this.#options;
    const isDue =
      this.#uncheckedSinceMs !== undefined && clock.now() - this.#uncheckedSinceMs >= checkpointMs;
    this.#syncing = (async () => {
      try {
        if (isDue && this.#writing === undefined) await this.#exclusively(() => this.#appendCheckpoint());
        await this.#sync();
        await this.#ballast.take();
      } catch (error) {
        this.#isUnsynced = true;
        this.#failure ??= unwritable(reasonOf(error), error);
        log.error({ err: error }, 'the audit trail could not be synced');
      } finally {
        this.#syncing = undefined;
      }
    })();
  }

  /** As a write of its own: what comes meanwhile waits. */
  async #exclusively(work: () => Promise<void>): Promise<void> {
    const done = Promise.withResolvers<void>();
    this.#writing = done.promise;
    try {
      await work();
    } finally {
      this.#writing = this.#waiting.length > 0 ? this.#writeAll() : undefined;
      done.resolve();
    }
  }

  async #sync(): Promise<void> {
    const { stream, key } = this.#options;
    const head = this.#head;
    this.#isUnsynced = false;
    await this.#file.sync();
    if (readCheckpoint(this.#known.head)?.head.seq === head.seq) return;
    await this.#remember({ ...this.#known, head: signCheckpoint(stream, head, key) });
  }

  /** The trail does not need the metadata store to take it: what is remembered is only older then. False when it did not. */
  async #remember(known: KnownStream): Promise<boolean> {
    const { stream, metadata, log } = this.#options;
    try {
      await keepKnown(metadata, stream, known);
      this.#known = known;
      this.#isForgetful = false;
      return true;
    } catch (error) {
      if (!this.#isForgetful) log.warn({ err: error }, 'the end of the audit trail could not be remembered');
      this.#isForgetful = true;
      this.#isUnsynced = true;
      return false;
    }
  }

  #giveUp(batch: readonly Waiting[], failure: StoreError): void {
    if (this.#failure === undefined)
      this.#options.log.error({ err: failure }, 'the audit trail cannot be written');
    this.#failure = failure;
    for (const { settle } of batch) settle.reject(failure);
  }

  #now(): string {
    return new Date(this.#options.clock.now()).toISOString();
  }
}

/** What the metadata store knows to have been on disk and is not there. */
function missingRecords(
  { head }: Recovered,
  expected: Head | undefined,
): { readonly from: number; readonly to: number } | undefined {
  if (expected === undefined || expected.seq <= head.seq) return undefined;
  return { from: head.seq + 1, to: expected.seq };
}

function unwritable(why: string, cause?: unknown): StoreError {
  return new StoreError(
    'unavailable',
    `The audit trail cannot be written (${why}), and without it nothing is changed.`,
    {
      cause,
      retryAfterSeconds: 5,
    },
  );
}

function codeOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error ? String(error.code) : undefined;
}

function reasonOf(error: unknown): string {
  return codeOf(error) ?? (error instanceof Error ? error.message : 'unknown error');
}
