import type { Logger } from 'pino';
import type { ContentStore } from '../../content/content-store.ts';
import type { Vetoes } from '../../extension/contract.ts';
import type { EventSink } from '../../extension/events.ts';
import type { MetadataStore } from '../../metadata/metadata-store.ts';
import type { PostForms } from './auth/post-forms.ts';
import type { S3Options } from './config.ts';
import type { Keyring } from './encryption/keyring.ts';
import type { Uploads } from './multipart/uploads.ts';
import type { Buckets } from './store/buckets.ts';
import type { Documents } from './store/documents.ts';
import type { KeyTurns } from './store/key-turns.ts';
import type { Users } from './store/users.ts';
import type { Versions } from './store/versions.ts';

/** What S3 operations work with. */
export interface S3Deps {
  readonly metadata: MetadataStore;
  readonly content: ContentStore;
  readonly clock: { now(): number };
  readonly log: Logger;
  readonly vetoes: Required<Vetoes>;
  readonly events: EventSink;
  readonly options: S3Options;
  readonly buckets: Buckets;
  readonly documents: Documents;
  readonly versions: Versions;
  /** Taken by what writes a key. */
  readonly turns: KeyTurns;
  readonly uploads: Uploads;
  readonly users: Users;
  /** What objects are encrypted with when their client brings no key. */
  readonly keyring: Keyring;
  /** Judges the forms of PostObject. */
  readonly postForms: PostForms;
}
