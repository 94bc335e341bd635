import { extensionKey, type Key, type RecordCodec, recordCodec } from '@zot-artifact-store/server';

export interface LastPush {
  readonly digest: string;
  readonly tags: readonly string[];
  readonly atMs: number;
}

/** A new version of the record gets a new number, and an `upgrade` that reads the old one. */
export const lastPushCodec: RecordCodec<LastPush> = recordCodec<LastPush>('last push', 1);

/** Below the extension's own name, where nothing else writes. */
export function lastPushKey(repository: string): Key {
  return extensionKey('push-gate', 'last-push', repository);
}
