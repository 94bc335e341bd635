import { setTimeout as wait } from 'node:timers/promises';
import type { Logger } from 'pino';
import type { MetadataStore } from '../../../metadata/metadata-store.ts';
import type { Place } from '../query/place.ts';
import { scanStream } from '../query/stream-scan.ts';
import { readLine } from '../trail/chain.ts';
import { listFiles, listStreams } from '../trail/stream-files.ts';
import type { Destination, ExportedRecord } from './destination.ts';
import { keepPlace, keepTrouble, readPlaces, readTrouble } from './progress.ts';

export interface ExporterOptions {
  readonly name: string;
  /** The folder of the trail. */
  readonly folder: string;
  readonly metadata: MetadataStore;
  readonly clock: { now(): number };
  readonly log: Pick<Logger, 'warn' | 'error' | 'info'>;
  /** Made anew for each turn. */
  open(): Promise<Destination>;
}

const LOOK_EVERY_MS = 500;
const FIRST_PAUSE_MS = 1_000;
const MAX_PAUSE_MS = 60_000;
const MAX_BATCH_RECORDS = 500;
const MAX_BATCH_CHARS = 1024 * 1024;

/**
 * Sends what comes into the trail to one destination, each stream in its order, until the signal aborts. How far it came
 * is kept once the destination has it, so that after a crash some records come again and none is left out.
 */
export async function runExport(options: ExporterOptions, signal: AbortSignal): Promise<void> {
  const { name, metadata, log, clock } = options;
  const places = await readPlaces(metadata, name);
  let destination: Destination | undefined;
  let pauseMs = 0;
  let isTroubled = (await readTrouble(metadata, name)) !== undefined;
  try {
    while (!signal.aborted) {
      try {
        destination ??= await options.open();
        const sent = await sendOnce(options, { places, destination, signal });
        if (isTroubled) {
          await keepTrouble(metadata, name, undefined);
          log.info({ export: name }, 'the export of the audit trail goes on');
          isTroubled = false;
        }
        pauseMs = 0;
        if (!sent) await pause(LOOK_EVERY_MS, signal);
      } catch (error) {
        if (signal.aborted) return;
        await destination?.close();
        destination = undefined;
        const message = reasonOf(error);
        log.warn({ export: name, reason: message }, 'records of the audit trail could not be exported');
        if (!isTroubled) await keepTrouble(metadata, name, { sinceMs: clock.now(), message });
        isTroubled = true;
        pauseMs = Math.min(MAX_PAUSE_MS, Math.max(FIRST_PAUSE_MS, pauseMs * 2));
        await pause(pauseMs, signal);
      }
    }
  } finally {
    await destination?.close();
  }
}

/** A batch of each stream; false when there was nothing to send. */
async function sendOnce(
  options: ExporterOptions,
  {
    places,
    destination,
    signal,
  }: {
    readonly places: Map<string, Place>;
    readonly destination: Destination;
    readonly signal: AbortSignal;
  },
): Promise<boolean> {
  const { folder, name, metadata } = options;
  let sent = false;
  for (const stream of await listStreams(folder)) {
    signal.throwIfAborted();
    const place = places.get(stream);
    await warnOfLoss(options, stream, place);
    const { records, next } = await readBatch(folder, stream, place);
    if (next === undefined) continue;
    if (records.length > 0) await destination.deliver(records, signal);
    await keepPlace(metadata, { name, stream, place: next });
    places.set(stream, next);
    sent = true;
  }
  return sent;
}

async function readBatch(
  folder: string,
  stream: string,
  place: Place | undefined,
): Promise<{ readonly records: readonly ExportedRecord[]; readonly next: Place | undefined }> {
  const records: ExportedRecord[] = [];
  let next: Place | undefined;
  let chars = 0;
  const lines = scanStream({
    folder,
    stream,
    first: 'oldest',
    place,
    fromMs: 0,
    toMs: Number.MAX_SAFE_INTEGER,
  });
  for await (const line of lines) {
    next = line.next;
    const record = readLine(line.text)?.fields;
    if (record !== undefined) records.push({ text: line.text, record });
    chars += line.text.length;
    if (records.length >= MAX_BATCH_RECORDS || chars >= MAX_BATCH_CHARS) break;
  }
  return { records, next };
}

/** Files are removed because of their age also when nobody took what is in them. */
async function warnOfLoss(
  { folder, name, log }: ExporterOptions,
  stream: string,
  place: Place | undefined,
): Promise<void> {
  if (place === undefined) return;
  const [oldest] = await listFiles(folder, stream);
  if (oldest === undefined || oldest.firstSeq <= place.file) return;
  log.error(
    { export: name, stream, firstKept: oldest.firstSeq },
    'records of the audit trail were removed before they were exported',
  );
}

function reasonOf(error: unknown): string {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  if (cause instanceof Error && 'code' in cause) return `${cause.message} (${String(cause.code)})`;
  return cause instanceof Error ? cause.message : String(cause);
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await wait(ms, undefined, { signal }).catch(() => {});
}
