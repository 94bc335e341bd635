import type { ErrorKind } from '@zot-artifact-store/spec';
import type { Permission, Principal } from './access.ts';
import type { Decision } from './contract.ts';

/** What was asked of the authorisers, and what they said. */
export interface Judgement {
  readonly permission: Permission;
  readonly decision: Decision;
}

/** What an operation tells of itself; never a secret. */
export type NotedFacts = Readonly<Record<string, string | number | boolean>>;

/** What is known of a request when its answer stands: for the access log, metrics and audit. Holds no header but those named. */
export interface RequestRecord {
  readonly id: string;
  readonly method: string;
  /** Raw, without the query, cut to a bound. */
  readonly path: string;
  readonly protocol: string | undefined;
  readonly operation: string | undefined;
  readonly status: number;
  readonly durationMs: number;
  /** Bytes of the bodies. */
  readonly bytesIn: number;
  readonly bytesOut: number;
  readonly principal: Principal;
  /** Whose credentials were refused, as far as they said. Not proved. */
  readonly triedAs: string | undefined;
  /** Whether anything was shown that could have proved who asks: an Authorization, a cookie, a signed URL, a certificate. */
  readonly hasCredentials: boolean;
  readonly remoteAddress: string;
  /** What a proxy, or somebody who plays one, said in X-Forwarded-For. */
  readonly forwardedFor: string | undefined;
  readonly userAgent: string | undefined;
  readonly errorKind: ErrorKind | undefined;
  /** What the client was told of the error. */
  readonly errorMessage: string | undefined;
  /** Which rule refused, when one did. */
  readonly reason: string | undefined;
  /** What was asked of the authorisers before the operation ran, up to a denial. */
  readonly judgements: readonly Judgement[];
  /** What the operation noted. */
  readonly notes: NotedFacts | undefined;
  /** The digest and the version that the answer names. */
  readonly digest: string | undefined;
  readonly versionId: string | undefined;
  /** The client left early, or the response had to be cut. */
  readonly isCut: boolean;
}

/** Told of requests before they are answered. */
export interface Recorder {
  /** Asked before the operation of a change runs (any method but GET, HEAD and OPTIONS). Throws `unavailable` to refuse it. */
  admit?(): void;
  /**
   * The answer is sent when the promise has resolved; undefined for nothing to wait for. A rejection makes a success an
   * `unavailable`, whatever was done; a refusal goes out all the same.
   */
  record(request: RequestRecord): Promise<void> | undefined;
}
