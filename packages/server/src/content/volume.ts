import type { Logger } from 'pino';
import type { MetadataStore } from '../metadata/metadata-store.ts';
import type { BlobDriver } from './blob-driver.ts';

/** One volume's content: its records, under its name in a metadata store it may share, and its own driver. */
export interface ContentVolume {
  readonly metadata: MetadataStore;
  readonly driver: BlobDriver;
  /** '' for the main volume. */
  readonly volume: string;
}

/** Where the content layer says what it could not tell its caller. */
export type ContentLog = Pick<Logger, 'warn' | 'error'>;
