import type { S3Access } from '../load/s3-access.ts';
import type { ContenderName } from './contender.ts';

/** What differs between servers that are started from their binary. */
export interface PeerKind {
  readonly name: ContenderName;
  /** For the report: what of its settings matters for its speed. */
  readonly settings: string;
  /** Answered with success once it serves. */
  readonly probe: string;
  /** Its key pair, where it is an S3 server. */
  readonly access?: S3Access;
  /** Undefined when what `--version` said is not of this kind. */
  versionOf(said: string, fileName: string): string | undefined;
  /** Writes what it needs into `folder`; `data` is there, and empty. */
  prepare(options: {
    readonly port: number;
    readonly data: string;
    readonly folder: string;
  }): Promise<Launch>;
}

export interface Launch {
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}
