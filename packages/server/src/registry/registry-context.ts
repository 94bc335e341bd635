import type { RepositoryName } from '@zot-artifact-store/spec';
import type { Logger } from 'pino';
import type { ContentStore } from '../content/content-store.ts';
import type { Vetoes } from '../extension/contract.ts';
import type { EventSink } from '../extension/events.ts';
import type { MetadataStore } from '../metadata/metadata-store.ts';
import type { UploadIds } from './upload-id.ts';

/** Where a repository's bytes are. */
export interface RepositoryVolume {
  readonly content: ContentStore;
  /** How long a blob stays in a repository that no manifest of it needs. */
  readonly graceMs: number;
}

export interface RegistryLimits {
  readonly manifestMaxBytes: number;
  /** An upload is forgotten this long after its last append. */
  readonly uploadTtlMs: number;
  /** No limit when undefined. */
  readonly maxBlobBytes?: number;
}

/** What every part of the registry works with. */
export interface RegistryContext {
  readonly metadata: MetadataStore;
  /** The same volume for the same name, always; repositories of one volume get the same `content` object. */
  volumeFor(repository: RepositoryName): RepositoryVolume;
  readonly clock: { now(): number };
  /** Unguessable and unique for ever: a version 4 UUID. */
  newId(): string;
  readonly uploadIds: UploadIds;
  readonly events: EventSink;
  readonly vetoes: Vetoes;
  readonly limits: RegistryLimits;
  readonly compat: { readonly docker2s2: boolean };
  readonly log: Logger;
}
