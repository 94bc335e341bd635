import { listStreams } from '../trail/stream-files.ts';
import { type Cursor, type Direction, decodeCursor, encodeCursor, type Place } from './place.ts';
import { type AuditFilter, type AuditRecord, recordFilter } from './record-filter.ts';
import { type ScannedLine, scanStream } from './stream-scan.ts';

export interface AuditQuery {
  readonly filter: AuditFilter;
  readonly first: Direction;
  readonly limit: number;
  readonly after: string | undefined;
}

export interface AuditPage {
  readonly items: readonly AuditRecord[];
  readonly next: string | undefined;
}

/** A page that has looked at so much text ends, with what it has. */
const MAX_SCANNED_CHARS = 16 * 1024 * 1024;

/** A page of the records of all streams, by their time. Throws `argument-invalid` for a cursor that is none. */
export async function findRecords(
  folder: string,
  { filter, first, limit, after }: AuditQuery,
  signal: AbortSignal,
): Promise<AuditPage> {
  const cursor = after === undefined ? undefined : decodeCursor(after);
  const direction = cursor?.first ?? first;
  const readers = await openReaders(folder, { direction, cursor, filter });
  const select = recordFilter(filter);
  const items: AuditRecord[] = [];
  let scanned = 0;
  try {
    while (items.length < limit && scanned < MAX_SCANNED_CHARS) {
      signal.throwIfAborted();
      const reader = nextOf(readers, direction);
      const line = reader?.line;
      if (reader === undefined || line === undefined) return { items, next: undefined };
      scanned += line.text.length;
      const record = select(line.text, line.timeMs);
      if (record !== undefined) items.push(record);
      await reader.advance();
    }
    const places = new Map(readers.map(({ stream, place }) => [stream, place] as const));
    return { items, next: encodeCursor({ first: direction, places }) };
  } finally {
    await Promise.all(readers.map((reader) => reader.close()));
  }
}

class StreamReader {
  readonly stream: string;
  /** Behind the last line that was taken. */
  place: Place;
  line: ScannedLine | undefined;
  readonly #lines: AsyncGenerator<ScannedLine>;

  constructor(stream: string, place: Place, lines: AsyncGenerator<ScannedLine>) {
    this.stream = stream;
    this.place = place;
    this.#lines = lines;
  }

  async advance(): Promise<void> {
    if (this.line !== undefined) this.place = this.line.next;
    const { value, done } = await this.#lines.next();
    this.line = done === true ? undefined : value;
  }

  async close(): Promise<void> {
    await this.#lines.return(undefined);
  }
}

async function openReaders(
  folder: string,
  {
    direction,
    cursor,
    filter,
  }: { readonly direction: Direction; readonly cursor: Cursor | undefined; readonly filter: AuditFilter },
): Promise<readonly StreamReader[]> {
  const atStart: Place =
    direction === 'oldest'
      ? { file: 0, offset: 0 }
      : { file: Number.MAX_SAFE_INTEGER, offset: Number.MAX_SAFE_INTEGER };
  const readers: StreamReader[] = [];
  for (const stream of await listStreams(folder)) {
    const place = cursor?.places.get(stream);
    // What began after the first page of the newest is newer than all of it.
    if (cursor !== undefined && place === undefined && direction === 'newest') continue;
    const { fromMs, toMs } = filter;
    const lines = scanStream({ folder, stream, first: direction, place, fromMs, toMs });
    const reader = new StreamReader(stream, place ?? atStart, lines);
    await reader.advance();
    readers.push(reader);
  }
  return readers;
}

function nextOf(readers: readonly StreamReader[], direction: Direction): StreamReader | undefined {
  let best: StreamReader | undefined;
  for (const reader of readers) {
    if (reader.line === undefined) continue;
    const isBetter =
      best?.line === undefined ||
      (direction === 'newest'
        ? reader.line.timeMs > best.line.timeMs
        : reader.line.timeMs < best.line.timeMs);
    if (isBetter) best = reader;
  }
  return best;
}
