import type { Task } from '../../extension/contract.ts';
import type { S3Deps } from './deps.ts';
import { applyLifecycle } from './lifecycle/apply-rules.ts';
import { endUploads } from './multipart/end-uploads.ts';
import { computeWholeDigests } from './multipart/whole-digests.ts';
import { clearBuckets } from './store/clear-buckets.ts';

const SECOND_MS = 1000;
const HOUR_MS = 3600 * SECOND_MS;

/** What S3 does in the background, each in one worker of all at a time. */
export function s3Tasks(deps: S3Deps): readonly Task[] {
  return [
    {
      name: 'lifecycle',
      // Hourly, for days of the usual length.
      intervalMs: Math.min(HOUR_MS, (deps.options.lifecycleDaySeconds * SECOND_MS) / 4),
      async run(signal) {
        const report = await applyLifecycle(deps, signal);
        if (Object.values(report).some((count) => count > 0))
          deps.log.info({ ...report }, 'lifecycle rules applied');
      },
    },
    {
      name: 'whole-digests',
      intervalMs: 5 * SECOND_MS,
      async run(signal) {
        const objects = await computeWholeDigests(deps, signal);
        if (objects > 0) deps.log.info({ objects }, 'digests of multipart objects computed');
      },
    },
    {
      name: 'ended-uploads',
      intervalMs: 30 * SECOND_MS,
      async run(signal) {
        const buckets = await clearBuckets(deps, signal);
        const uploads = await endUploads(deps, signal);
        if (uploads + buckets > 0) {
          deps.log.info({ uploads, buckets }, 'parts of ended uploads and rows of deleted buckets removed');
        }
      },
    },
  ];
}
