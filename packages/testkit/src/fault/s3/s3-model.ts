import type { Ledger } from '../ledger.ts';
import { Register } from '../register.ts';

/** What a key or version holds: the SHA-256 of its content, or nothing. */
export type Content = string | undefined;

export interface ObjectFact {
  readonly key: string;
  readonly content: Register<Content>;
}

export interface VersionFact {
  readonly key: string;
  readonly versionId: string;
  readonly content: Register<Content>;
}

export const PLAIN = 'kill-plain';
export const VERSIONED = 'kill-versioned';
export const LOCKED = 'kill-locked';

const KEYS = 10;

/** Everything the server promised to clients of S3. */
export class S3Model {
  readonly ledger: Ledger;
  readonly objects: readonly ObjectFact[];
  /** Versions that were acknowledged with their id. */
  readonly versions: VersionFact[] = [];
  /** Versions under retention: nobody can remove them. */
  readonly locked: { readonly key: string; readonly versionId: string; readonly sha256: string }[] = [];
  hasBuckets = false;

  constructor(ledger: Ledger) {
    this.ledger = ledger;
    this.objects = Array.from({ length: KEYS }, (_, index) => {
      const key = `dir-${index % 3}/key ${index}`;
      return { key, content: new Register<Content>(`object ${key}`, { ledger, initial: undefined }) };
    });
  }

  addVersion(key: string, versionId: string, sha256: string): void {
    const name = `version ${versionId} of ${key}`;
    const content = new Register<Content>(name, { ledger: this.ledger, initial: sha256 });
    this.versions.push({ key, versionId, content });
  }
}

export function pathOf(bucket: string, key: string): string {
  return `/${bucket}/${key.split('/').map(encodeURIComponent).join('/')}`;
}
