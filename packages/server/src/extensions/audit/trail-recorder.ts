import type { Recorder, RequestRecord } from '../../extension/recorder.ts';
import { auditEntry } from './entry/audit-entry.ts';
import { isRecorded } from './entry/is-recorded.ts';
import type { StreamWriter } from './trail/stream-writer.ts';

export interface TrailRecorderOptions {
  readonly writer: Pick<StreamWriter, 'append' | 'failure'>;
  readonly clock: { now(): number };
  readonly reads: boolean;
  readonly failClosed: boolean;
}

/** Writes what belongs into the trail, before the answer. What a disk does not take keeps no read from its client. */
export function trailRecorder({ writer, clock, reads, failClosed }: TrailRecorderOptions): Recorder {
  return {
    admit() {
      if (failClosed && writer.failure !== undefined) throw writer.failure;
    },
    record(record) {
      if (!isRecorded(record, { reads })) return undefined;
      const written = writer.append(auditEntry(record, clock.now()));
      return failClosed && isChange(record) ? written : written.catch(() => {});
    },
  };
}

function isChange({ method, notes }: RequestRecord): boolean {
  return (method !== 'GET' && method !== 'HEAD' && method !== 'OPTIONS') || notes !== undefined;
}
