import type { Content } from './content.ts';

/** An upload session the server has acknowledged. One actor at a time works on it. */
export interface UploadFact {
  readonly repository: string;
  readonly content: Content;
  /** Where the server said to continue. */
  location: string;
  /** The server has said that it has so many bytes. */
  acknowledgedBytes: number;
  /** So many may have arrived. */
  sentBytes: number;
  isBusy: boolean;
  /** When the last finish was asked for. */
  finishSentAtMs: number;
  /** Asked for without an answer; so it may have happened. */
  mayBeFinished: boolean;
  mayBeCancelled: boolean;
  /** A request that was cut off may still be at work, so only chunks with their place may follow. */
  isOrdered: boolean;
}

export function newUpload(place: {
  readonly repository: string;
  readonly content: Content;
  readonly location: string;
}): UploadFact {
  return {
    ...place,
    acknowledgedBytes: 0,
    sentBytes: 0,
    isBusy: true,
    finishSentAtMs: 0,
    mayBeFinished: false,
    mayBeCancelled: false,
    isOrdered: true,
  };
}
