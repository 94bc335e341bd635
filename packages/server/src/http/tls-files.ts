import { readFile, realpath, stat } from 'node:fs/promises';
import { createSecureContext } from 'node:tls';
import { StoreError } from '@zot-artifact-store/spec';
import type { Logger } from 'pino';
import { type ClientCertificates, serverTlsOptions, type TlsMaterial } from './tls.ts';

export interface TlsFilesOptions {
  readonly certPath: string;
  readonly keyPath: string;
  readonly caPath?: string | undefined;
  readonly clientCertificates: ClientCertificates;
  readonly log: Logger;
  /** How often the files are looked at. */
  readonly pollMs?: number | undefined;
}

const DEFAULT_POLL_MS = 1000;

/**
 * Certificate, key and client authorities from files, followed while they change. Polls the real path, inode, time and
 * size behind each name: a watch on a Kubernetes mount sees nothing when its `..data` symlink is swapped. What does
 * not load (a pair half replaced, a broken file) leaves the old certificates in use and is tried again at every poll.
 */
export class TlsFiles implements TlsMaterial {
  readonly clientCertificates: ClientCertificates;
  readonly #options: TlsFilesOptions;
  readonly #listeners = new Set<(material: TlsMaterial) => void>();
  #material: TlsMaterial;
  /** State of the files that is in use, and the state that last failed to load. */
  #loadedState: string;
  #failedState = '';
  #warnedState = '';
  #timer: NodeJS.Timeout | undefined;
  #isClosed = false;

  /** Rejects with `argument-invalid`, naming the file or what is wrong with the pair. */
  static async open(options: TlsFilesOptions): Promise<TlsFiles> {
    const state = await readState(options);
    const material = await loadMaterial(options);
    return new TlsFiles(options, material, state);
  }

  private constructor(options: TlsFilesOptions, material: TlsMaterial, state: string) {
    this.#options = options;
    this.#material = material;
    this.#loadedState = state;
    this.clientCertificates = options.clientCertificates;
    this.#schedule();
  }

  get cert(): Buffer {
    return this.#material.cert;
  }

  get key(): Buffer {
    return this.#material.key;
  }

  get ca(): Buffer | undefined {
    return this.#material.ca;
  }

  /** Calls `listener` with every new set that loads; returns how to stop that. */
  follow(listener: (material: TlsMaterial) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    this.#listeners.clear();
  }

  #schedule(): void {
    if (this.#isClosed) return;
    this.#timer = setTimeout(() => {
      void this.#poll().finally(() => this.#schedule());
    }, this.#options.pollMs ?? DEFAULT_POLL_MS);
    this.#timer.unref();
  }

  async #poll(): Promise<void> {
    let state = '';
    try {
      state = await readState(this.#options);
      if (state === this.#loadedState) return;
      const material = await loadMaterial(this.#options);
      // Files that changed while they were read may be of two generations, even when they fit together.
      if ((await readState(this.#options)) !== state || this.#isClosed) return;
      for (const listener of this.#listeners) listener(material);
      this.#material = material;
      this.#loadedState = state;
      this.#options.log.info({ cert: this.#options.certPath }, 'tls certificate reloaded');
    } catch (error) {
      // A pair replaced file by file is broken for a moment: only what is still broken at the next look is news.
      if (this.#failedState === state && this.#warnedState !== state) {
        this.#warnedState = state;
        this.#options.log.warn({ err: error }, 'tls certificate not reloaded');
      }
      this.#failedState = state;
    }
  }
}

async function readState(options: TlsFilesOptions): Promise<string> {
  const states: string[] = [];
  for (const path of [options.certPath, options.keyPath, options.caPath]) {
    if (path === undefined) continue;
    try {
      const real = await realpath(path);
      const { ino, size, mtimeMs } = await stat(real);
      states.push(`${real} ${ino} ${size} ${mtimeMs}`);
    } catch (error) {
      throw unreadable(path, error);
    }
  }
  return states.join('\n');
}

async function loadMaterial(options: TlsFilesOptions): Promise<TlsMaterial> {
  const [cert, key, ca] = await Promise.all([
    readPem(options.certPath),
    readPem(options.keyPath),
    options.caPath === undefined ? undefined : readPem(options.caPath),
  ]);
  const material = { cert, key, ca, clientCertificates: options.clientCertificates };
  try {
    createSecureContext(serverTlsOptions(material));
  } catch (error) {
    throw new StoreError(
      'argument-invalid',
      `the TLS certificate ${options.certPath} and key ${options.keyPath} cannot be used together: ${reasonOf(error)}`,
      { cause: error },
    );
  }
  return material;
}

async function readPem(path: string): Promise<Buffer> {
  try {
    return await readFile(path);
  } catch (error) {
    throw unreadable(path, error);
  }
}

function unreadable(path: string, error: unknown): StoreError {
  return new StoreError('argument-invalid', `the TLS file ${path} cannot be read: ${reasonOf(error)}`, {
    cause: error,
  });
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
