import { readFile } from 'node:fs/promises';
import type { Logger } from 'pino';
import { createIssuerFetch, type IssuerFetch } from './issuer-fetch.ts';
import { IssuerKeys } from './issuer-keys.ts';
import type { IssuerOptions } from './provider.ts';

export interface Issuer {
  readonly options: IssuerOptions;
  readonly fetch: IssuerFetch;
  readonly keys: IssuerKeys;
}

export interface IssuersParts {
  readonly clock: { now(): number };
  readonly log: Logger;
}

/** The issuers of all providers, each once, with their keys. */
export class Issuers {
  readonly #byOptions = new Map<string, Issuer>();
  readonly #parts: IssuersParts;

  constructor(parts: IssuersParts) {
    this.#parts = parts;
  }

  /** Providers that reach the same issuer in the same way share its keys. Throws node's error when a CA file is gone. */
  async add(options: IssuerOptions): Promise<Issuer> {
    const id = JSON.stringify(options);
    const known = this.#byOptions.get(id);
    if (known !== undefined) return known;
    const ca = options.caFile === undefined ? options.caPem : await readFile(options.caFile, 'utf8');
    const fetch = createIssuerFetch({ issuer: options.issuer, internalUrl: options.internalUrl, ca });
    const issuer = { options, fetch, keys: new IssuerKeys({ options, fetch, ...this.#parts }) };
    this.#byOptions.set(id, issuer);
    return issuer;
  }

  all(): readonly Issuer[] {
    return [...this.#byOptions.values()];
  }

  start(): void {
    for (const { keys, options } of this.#byOptions.values()) if (options.hasNoKeys !== true) keys.start();
  }

  async stop(): Promise<void> {
    await Promise.all(this.all().map(({ keys }) => keys.stop()));
  }
}
