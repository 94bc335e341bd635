import type { Digest } from '@zot-artifact-store/spec';
import type { Logger } from 'pino';
import type { CheckReport } from '../composition/check-volume.ts';
import type { Config } from '../config/config.ts';
import type { GarbageReport } from '../content/gc.ts';
import type { ScrubReport } from '../content/scrub.ts';
import type { VerifyReport } from '../extensions/audit/trail/verify.ts';
import type { AccessKey, NewAccessKey } from '../extensions/s3/auth/access-keys.ts';
import type { ExportRequest, ImportRequest } from '../layout/transfer.ts';
import type { TransferReport } from '../layout/transfer-log.ts';

/** A store opened for a command; other processes may serve from it at the same time. */
export interface OpenedStore {
  /** '' is the main volume. */
  readonly volumes: readonly string[];
  collectGarbage(
    volume: string,
    options: { readonly dryRun: boolean; readonly untagged: boolean; readonly signal: AbortSignal },
  ): Promise<GarbageReport & { readonly untaggedManifests: number }>;
  scrub(
    volume: string,
    options: { readonly fromStart: boolean; readonly signal: AbortSignal },
  ): Promise<ScrubReport>;
  fsck(volume: string, options: { readonly signal: AbortSignal }): Promise<CheckReport>;
  importLayouts(request: ImportRequest, options: { readonly signal: AbortSignal }): Promise<TransferReport>;
  exportLayouts(request: ExportRequest, options: { readonly signal: AbortSignal }): Promise<TransferReport>;
  readonly accessKeys: AccessKeyTools;
  readonly objects: ObjectTools;
  readonly audit: AuditTools;
  close(): Promise<void>;
}

/** A signed head of a stream of the audit trail, as `zas audit heads` printed it. */
export interface RememberedHead {
  readonly stream: string;
  readonly head: string;
  readonly keptAfter?: string | undefined;
}

export interface AuditTools {
  /** Reads the whole trail and says where it is not what the server wrote. `remembered` was kept elsewhere. */
  verify(options: {
    readonly remembered: readonly RememberedHead[];
    readonly signal: AbortSignal;
  }): Promise<VerifyReport>;
}

/** The access keys of S3 users. What is told of a key that is not there: `argument-invalid`. */
export interface AccessKeyTools {
  /** Without a user, of a server: whoever asks. */
  create(
    wanted: Omit<NewAccessKey, 'user'> & { readonly user?: string },
  ): Promise<AccessKey & { readonly secretAccessKey: string }>;
  /** In order of their ids. */
  list(user?: string): Promise<readonly AccessKey[]>;
  enable(accessKeyId: string): Promise<AccessKey>;
  disable(accessKeyId: string): Promise<AccessKey>;
  delete(accessKeyId: string): Promise<AccessKey>;
}

export interface ObjectAddress {
  readonly bucket: string;
  readonly key: string;
  /** The current version when undefined. */
  readonly versionId?: string;
}

/** What is known of a version of an object. */
export interface ObjectFacts {
  readonly sizeBytes: number;
  /** Without quotes. */
  readonly etag: string;
  readonly contentType: string;
  readonly modifiedAtMs: number;
  readonly versionId: string;
  readonly owner: string;
  /** Of the whole content; undefined while it is being computed, and never kept for a customer's key. */
  readonly digest?: Digest;
  readonly encryption?: 'AES256' | 'aws:kms' | 'customer key';
  readonly checksum?: { readonly algorithm: string; readonly type: string; readonly value: string };
  readonly partsCount?: number;
}

/** The objects of S3. */
export interface ObjectTools {
  /** Throws when there is no such bucket, key or version, and for a delete marker. */
  stat(address: ObjectAddress): Promise<ObjectFacts>;
}

export interface ServeOptions {
  readonly log: Logger;
  /** Standard output: the readiness line. */
  print(text: string): void;
}

/** What the commands ask of the rest of the server. Loaded when needed, so that `--help` is quick. */
export interface Services {
  /** Resolves when the server has stopped as it was asked to; throws when it cannot start or must stop. */
  serve(config: Config, options: ServeOptions): Promise<void>;
  /** What keeps third parties' extensions from being loaded, in sentences. */
  checkExtensions(config: Config): Promise<readonly string[]>;
  openStore(
    config: Config,
    options: {
      readonly log: Logger;
      /** Makes the data folder, unless it is there. */
      readonly createIfMissing: boolean;
    },
  ): Promise<OpenedStore>;
}
