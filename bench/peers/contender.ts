import type { S3Access } from '../load/s3-access.ts';

/** A server to measure. */
export interface Contender {
  /** Names the column, and the aims that apply. */
  readonly name: ContenderName;
  /** For the head of the report: what it is, in which version, with which settings. */
  readonly description: string;
  /** Starts it with an empty store, or reaches the one that runs already. */
  start(): Promise<RunningContender>;
}

export type ContenderName = 'ours' | 'docker-registry' | 'zot' | 'minio' | 'versitygw' | 'peer';

export interface RunningContender {
  /** `http://host:port` */
  readonly url: string;
  /** Where it is asked as an S3 server. */
  readonly access?: S3Access;
  /** The root of its processes; undefined for one on another machine. */
  readonly pid: number | undefined;
  /** Ends it and removes what it stored. */
  stop(): Promise<void>;
}
