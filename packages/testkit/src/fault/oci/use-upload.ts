import { ConnectionLost } from '../client.ts';
import type { Actor, Turn } from '../workload.ts';
import { type Content, newContent } from './content.ts';
import type { OciModel } from './oci-model.ts';
import type { UploadFact } from './upload-fact.ts';
import { appendChunk, cancelUpload, checkUpload, finishUpload, startUpload } from './upload-requests.ts';

/** Sessions that are left lying about, to be taken up again by others, after crashes too. */
const MAX_OPEN = 12;

/** Begins an upload, or does the next thing with one that somebody left. */
export function useUpload(model: OciModel, shared: readonly Content[]): Actor {
  return {
    name: 'use an upload',
    weight: 6,
    async act(turn) {
      const { random } = turn;
      const idle = [...model.uploads].filter(({ isBusy }) => !isBusy);
      const found = model.uploads.size < MAX_OPEN && random.chance(0.4) ? undefined : random.pick(idle);
      if (found === undefined && model.uploads.size >= MAX_OPEN) return;
      const upload = found ?? (await start(turn, model, shared));
      upload.isBusy = true;
      try {
        await proceed(turn, model, upload);
      } finally {
        upload.isBusy = false;
      }
    },
  };
}

async function start(turn: Turn, model: OciModel, shared: readonly Content[]): Promise<UploadFact> {
  const { random } = turn;
  const repository = random.pick(model.repositories) ?? '';
  const content = random.chance(0.3) ? (random.pick(shared) ?? newContent(random)) : newContent(random);
  return startUpload(turn, model, { repository, content });
}

async function proceed(turn: Turn, model: OciModel, upload: UploadFact): Promise<void> {
  const { random } = turn;
  const mustLook = upload.mayBeFinished || upload.mayBeCancelled || !upload.isOrdered;
  if ((mustLook || random.chance(0.2)) && !(await checkUpload(turn, model, upload))) return;
  const left = upload.content.bytes.length - upload.acknowledgedBytes;
  const choice = random.fraction();
  if (choice < 0.1) await cancelUpload(turn, model, upload);
  else if (choice < 0.4 || left === 0) await finishUpload(turn, model, upload);
  else if (choice < 0.9)
    await appendChunk(turn, model, { upload, length: random.integer(Math.min(2, left), left) });
  else await hangUp(turn, model, { upload, length: left });
}

/** A client that goes away in the middle of a chunk; the server keeps what came. */
async function hangUp(
  turn: Turn,
  model: OciModel,
  { upload, length }: { readonly upload: UploadFact; readonly length: number },
): Promise<void> {
  try {
    await appendChunk(turn, model, { upload, length, hangUp: true });
  } catch (error) {
    if (!(error instanceof ConnectionLost)) throw error;
  }
}
