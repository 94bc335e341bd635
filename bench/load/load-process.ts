/** The load generator: a process of its own, so that its work is on no event loop of a server or of the report. */
import { ImageFactory } from './image.ts';
import type { Job } from './job.ts';
import { ObjectBytes } from './object-bytes.ts';
import { runJob } from './run-job.ts';
import { S3Session } from './s3-session.ts';

/** Servers start anew for every workload. Two are measured at a time. */
const MAX_SESSIONS = 2;

const images = new ImageFactory();
const bytes = new ObjectBytes();
const sessions = new Map<string, S3Session>();

process.on('message', (job: Job) => {
  runJob(job, { images, session: sessionOf(job.url) }).then(
    (result) => process.send?.({ result }),
    (error: unknown) => process.send?.({ error: error instanceof Error ? error.message : String(error) }),
  );
});
process.on('disconnect', () => process.exit());

function sessionOf(url: string): S3Session {
  const known = sessions.get(url);
  if (known !== undefined) return known;
  const [oldest] = sessions.keys();
  if (oldest !== undefined && sessions.size >= MAX_SESSIONS) sessions.delete(oldest);
  const session = new S3Session(bytes);
  sessions.set(url, session);
  return session;
}
