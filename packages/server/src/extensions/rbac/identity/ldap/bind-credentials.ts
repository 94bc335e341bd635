import { open } from 'node:fs/promises';
import { StoreError } from '@zot-artifact-store/spec';
import type { Logger } from 'pino';
import { z } from 'zod';

/** As whom users are searched. */
export interface BindCredentials {
  readonly bindDn: string;
  readonly bindPassword: string;
}

const MAX_BYTES = 64 * 1024;
const content = z.strictObject({ binddn: z.string().min(1), bindpassword: z.string().min(1) });

/**
 * The credentials file, which may change at any time. It is looked at whenever it is asked for; one that is gone or
 * malformed after a good start leaves the last good credentials in force and says so in the log.
 */
export class BindCredentialsFile {
  readonly #path: string;
  readonly #log: Logger;
  #loaded: { readonly credentials: BindCredentials; readonly fingerprint: string } | undefined;
  #rejected = '';

  constructor(path: string, log: Logger) {
    this.#path = path;
    this.#log = log;
  }

  /** Throws `unavailable` when the file cannot be used and never could. */
  async current(): Promise<BindCredentials> {
    try {
      const loaded = await load(this.#path, this.#loaded?.fingerprint);
      if (loaded !== undefined) {
        if (this.#loaded !== undefined) this.#log.info('LDAP credentials read again');
        this.#loaded = loaded;
        this.#rejected = '';
      }
    } catch (err) {
      if (this.#loaded === undefined) throw err;
      const reason = err instanceof Error ? err.message : String(err);
      if (reason !== this.#rejected) {
        this.#log.error({ err }, 'LDAP credentials not usable, the last good ones stay');
      }
      this.#rejected = reason;
    }
    if (this.#loaded === undefined) throw unusable(this.#path, 'is not loaded');
    return this.#loaded.credentials;
  }
}

async function load(
  path: string,
  unlessFingerprint: string | undefined,
): Promise<{ readonly credentials: BindCredentials; readonly fingerprint: string } | undefined> {
  const file = await read(path, unlessFingerprint);
  if (file === undefined) return undefined;
  const parsed = content.safeParse(lowerKeys(file.text));
  if (!parsed.success) {
    throw unusable(path, 'must be a JSON object with the keys "bindDN" and "bindPassword"');
  }
  const { binddn, bindpassword } = parsed.data;
  return { credentials: { bindDn: binddn, bindPassword: bindpassword }, fingerprint: file.fingerprint };
}

async function read(
  path: string,
  unlessFingerprint: string | undefined,
): Promise<{ readonly text: string; readonly fingerprint: string } | undefined> {
  try {
    await using handle = await open(path);
    const stat = await handle.stat({ bigint: true });
    const fingerprint = [stat.dev, stat.ino, stat.size, stat.mtimeNs, stat.ctimeNs].join(' ');
    if (fingerprint === unlessFingerprint) return undefined;
    if (stat.size > MAX_BYTES) throw unusable(path, `is larger than ${MAX_BYTES} bytes`);
    return { text: await handle.readFile('utf8'), fingerprint };
  } catch (cause) {
    if (cause instanceof StoreError) throw cause;
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : 'unknown error';
    throw unusable(path, `cannot be read (${code})`, cause);
  }
}

/** Keys are case-insensitive, as in zot. */
function lowerKeys(text: string): unknown {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
    return Object.fromEntries(Object.entries(value).map(([key, part]) => [key.toLowerCase(), part]));
  } catch {
    return undefined;
  }
}

function unusable(path: string, why: string, cause?: unknown): StoreError {
  return new StoreError('unavailable', `The LDAP credentials file ${path} ${why}.`, { cause });
}
