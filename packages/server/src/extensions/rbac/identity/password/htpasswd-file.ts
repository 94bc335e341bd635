import { open } from 'node:fs/promises';
import { StoreError } from '@zot-artifact-store/spec';
import type { Logger } from 'pino';
import { type Htpasswd, parseHtpasswd } from './htpasswd.ts';

const MAX_FILE_BYTES = 8 * 1024 * 1024;
const LOOK_EVERY_MS = 1000;

interface Loaded {
  readonly file: Htpasswd;
  /** Changes whenever the file may have: another file behind the name, another size, another time. */
  readonly fingerprint: string;
}

/**
 * The users of a file that may change at any time, by rewriting, by renaming or by a switched symlink (a mounted
 * ConfigMap). It is looked at when it is asked for, at most once a second. A file that is gone or malformed after a
 * good start leaves the last good users in force and says so in the log.
 */
export class HtpasswdFile {
  readonly #path: string;
  readonly #log: Logger;
  readonly #clock: { now(): number };
  #loaded: Loaded | undefined;
  #rejected = '';
  #lookedAtMs = Number.NEGATIVE_INFINITY;
  #looking: Promise<void> | undefined;

  constructor(path: string, dependencies: { readonly log: Logger; readonly clock: { now(): number } }) {
    this.#path = path;
    this.#log = dependencies.log;
    this.#clock = dependencies.clock;
  }

  /** Throws `unavailable`, with every bad line in the message, when the file cannot be used. */
  async open(): Promise<void> {
    this.#lookedAtMs = this.#clock.now();
    this.#loaded = await load(this.#path);
  }

  /** The users in force. Never throws after `open`. */
  async current(): Promise<Htpasswd> {
    const now = this.#clock.now();
    if (now - this.#lookedAtMs >= LOOK_EVERY_MS) {
      this.#lookedAtMs = now;
      this.#looking ??= this.#look().finally(() => {
        this.#looking = undefined;
      });
    }
    await this.#looking;
    if (this.#loaded === undefined)
      throw new StoreError('internal', 'The htpasswd file was used before open().');
    return this.#loaded.file;
  }

  async #look(): Promise<void> {
    try {
      const loaded = await load(this.#path, this.#loaded?.fingerprint);
      if (loaded === undefined) return;
      this.#loaded = loaded;
      this.#rejected = '';
      this.#log.info({ users: loaded.file.hashes.size }, 'htpasswd file read again');
    } catch (err) {
      const reason = err instanceof Error ? err.message : String(err);
      if (reason !== this.#rejected)
        this.#log.error({ err }, 'htpasswd file not usable, the last good one stays');
      this.#rejected = reason;
    }
  }
}

async function load(path: string): Promise<Loaded>;
async function load(path: string, unlessFingerprint: string | undefined): Promise<Loaded | undefined>;
async function load(path: string, unlessFingerprint?: string): Promise<Loaded | undefined> {
  const { text, fingerprint } = await read(path, unlessFingerprint);
  if (text === undefined) return undefined;
  const parsed = parseHtpasswd(text);
  if (parsed.ok) return { file: parsed.file, fingerprint };
  throw new StoreError(
    'unavailable',
    `The htpasswd file ${path} cannot be used: ${parsed.problems.join('; ')}.`,
  );
}

/** One handle for both, so that content and fingerprint are of the same file. */
async function read(
  path: string,
  unlessFingerprint: string | undefined,
): Promise<{ readonly text: string | undefined; readonly fingerprint: string }> {
  try {
    await using handle = await open(path);
    const stat = await handle.stat({ bigint: true });
    const fingerprint = [stat.dev, stat.ino, stat.size, stat.mtimeNs, stat.ctimeNs].join(' ');
    if (fingerprint === unlessFingerprint) return { text: undefined, fingerprint };
    if (stat.size > MAX_FILE_BYTES) {
      throw new StoreError(
        'unavailable',
        `The htpasswd file ${path} is larger than ${MAX_FILE_BYTES} bytes.`,
      );
    }
    return { text: await handle.readFile('utf8'), fingerprint };
  } catch (cause) {
    if (cause instanceof StoreError) throw cause;
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : 'unknown error';
    throw new StoreError('unavailable', `The htpasswd file ${path} cannot be read (${code}).`, { cause });
  }
}
