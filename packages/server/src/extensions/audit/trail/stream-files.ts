import { open, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { type Head, readLine } from './chain.ts';

/** One file of a stream, named by the number of its first record. */
export interface StreamFile {
  readonly path: string;
  readonly name: string;
  readonly firstSeq: number;
}

const FILE_NAME = /^(\d{12})\.jsonl$/;
const STREAM_NAME = /^[a-z0-9][a-z0-9-]{0,63}$/;

export function fileName(firstSeq: number): string {
  return `${String(firstSeq).padStart(12, '0')}.jsonl`;
}

/** The names of the streams in a trail's folder, in order; none when there is no such folder. */
export async function listStreams(folder: string): Promise<readonly string[]> {
  const entries = await entriesOf(folder);
  const found: string[] = [];
  for (const name of entries) {
    if (STREAM_NAME.test(name) && (await stat(join(folder, name))).isDirectory()) found.push(name);
  }
  return found.sort();
}

/** The files of a stream, oldest first; none when it has none. */
export async function listFiles(folder: string, stream: string): Promise<readonly StreamFile[]> {
  const names = await entriesOf(join(folder, stream));
  return names
    .filter((name) => FILE_NAME.test(name))
    .sort()
    .map((name) => ({ name, path: join(folder, stream, name), firstSeq: Number(name.slice(0, 12)) }));
}

const FIRST_LINE_BYTES = 4096;

/** What the first record of a file says it follows; undefined when it does not say so. */
export async function headBefore(path: string): Promise<Head | undefined> {
  const { type, seq, follows } = await firstFields(path);
  if (type !== 'file' || typeof seq !== 'number' || typeof follows !== 'string') return undefined;
  return { seq: seq - 1, hash: Buffer.from(follows, 'base64url') };
}

/** When the first record of a file was written; undefined when it does not say so, or is gone. */
export async function fileStart(path: string): Promise<{ readonly timeMs: number } | undefined> {
  const { time }: Readonly<Record<string, unknown>> = await firstFields(path).catch((error: unknown) => {
    if (isGone(error)) return {};
    throw error;
  });
  const timeMs = typeof time === 'string' ? Date.parse(time) : Number.NaN;
  return Number.isNaN(timeMs) ? undefined : { timeMs };
}

async function firstFields(path: string): Promise<Readonly<Record<string, unknown>>> {
  const handle = await open(path, 'r');
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(FIRST_LINE_BYTES), 0, FIRST_LINE_BYTES, 0);
    const [line = ''] = buffer.toString('utf8', 0, bytesRead).split('\n');
    return readLine(line)?.fields ?? {};
  } finally {
    await handle.close();
  }
}

async function entriesOf(folder: string): Promise<readonly string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    if (isGone(error)) return [];
    throw error;
  }
}

export function isGone(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}
