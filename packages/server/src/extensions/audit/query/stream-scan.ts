import { readLines } from '../trail/read-lines.ts';
import { fileStart, isGone, listFiles, type StreamFile } from '../trail/stream-files.ts';
import { linesBackwards } from './lines-backwards.ts';
import type { Direction, Place } from './place.ts';

/** A record as it stands in its file, and where to read on behind it. */
export interface ScannedLine {
  readonly text: string;
  readonly timeMs: number;
  readonly next: Place;
}

export interface ScanOptions {
  readonly folder: string;
  readonly stream: string;
  readonly first: Direction;
  /** Undefined: from the end that comes first. */
  readonly place: Place | undefined;
  /** Files that surely hold nothing of this time are passed over. */
  readonly fromMs: number;
  readonly toMs: number;
}

/** Between the clock of one record and that of the next it may go back so far. */
const CLOCK_SLACK_MS = 10 * 60_000;

/** The records of a stream, in the order that was asked for, from a place on. Files that are gone are passed over. */
export async function* scanStream(options: ScanOptions): AsyncGenerator<ScannedLine> {
  const files = await listFiles(options.folder, options.stream);
  if (options.first === 'newest') yield* newestFirst(files, options);
  else yield* oldestFirst(files, options);
}

async function* newestFirst(
  files: readonly StreamFile[],
  { place, fromMs, toMs }: ScanOptions,
): AsyncGenerator<ScannedLine> {
  for (const { path, firstSeq } of files.toReversed()) {
    if (place !== undefined && firstSeq > place.file) continue;
    const startMs = (await fileStart(path))?.timeMs ?? 0;
    if (startMs > toMs + CLOCK_SLACK_MS) continue;
    const end = place?.file === firstSeq ? place.offset : undefined;
    for await (const { text, startsAt } of unlessGone(linesBackwards(path, end))) {
      const timeMs = timeOf(text);
      if (timeMs < fromMs - CLOCK_SLACK_MS) return;
      yield { text, timeMs, next: { file: firstSeq, offset: startsAt } };
    }
  }
}

async function* oldestFirst(
  files: readonly StreamFile[],
  { place, fromMs, toMs }: ScanOptions,
): AsyncGenerator<ScannedLine> {
  for (const [index, { path, firstSeq }] of files.entries()) {
    if (place !== undefined && firstSeq < place.file) continue;
    const following = files[index + 1];
    const endMs = following && (await fileStart(following.path))?.timeMs;
    if (endMs !== undefined && endMs < fromMs - CLOCK_SLACK_MS) continue;
    const from = place?.file === firstSeq ? place.offset : 0;
    for await (const { text, endsAt, isWhole } of unlessGone(readLines(path, from))) {
      if (!isWhole) return;
      const timeMs = timeOf(text);
      if (timeMs > toMs + CLOCK_SLACK_MS) return;
      yield { text, timeMs, next: { file: firstSeq, offset: endsAt } };
    }
  }
}

/** A file that was removed meanwhile, because of its age, has no lines. */
async function* unlessGone<Line>(lines: AsyncGenerator<Line>): AsyncGenerator<Line> {
  try {
    yield* lines;
  } catch (error) {
    if (!isGone(error)) throw error;
  }
}

/** Without parsing it: of the names behind `time` none has such a value. 0 for what is no record. */
function timeOf(text: string): number {
  const at = text.lastIndexOf('"time":"');
  const timeMs = at < 0 ? Number.NaN : Date.parse(text.slice(at + 8, at + 32));
  return Number.isNaN(timeMs) ? 0 : timeMs;
}
