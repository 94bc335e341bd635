/** The load generator: a process of its own, so that its work is on no event loop of a server or of the report. */
import { ImageFactory } from './image.ts';
import type { Job } from './job.ts';
import { runJob } from './run-job.ts';

const images = new ImageFactory();

process.on('message', (job: Job) => {
  runJob(job, images).then(
    (result) => process.send?.({ result }),
    (error: unknown) => process.send?.({ error: error instanceof Error ? error.message : String(error) }),
  );
});
process.on('disconnect', () => process.exit());
