import type { Task } from '../../extension/contract.ts';
import type { S3Deps } from './deps.ts';
import { endUploads } from './multipart/end-uploads.ts';
import { computeWholeDigests } from './multipart/whole-digests.ts';
import { clearBuckets } from './store/clear-buckets.ts';

const SECOND_MS = 1000;

/** What S3 does in the background, each in one worker of all at a time. */
export function s3Tasks(deps: S3Deps): readonly Task[] {
  return [
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
