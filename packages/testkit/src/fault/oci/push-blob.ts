import type { Turn } from '../workload.ts';
import { changeBlob } from './change-blob.ts';
import { type Content, inPieces } from './content.ts';
import { expectStatus } from './expect-status.ts';
import type { OciModel } from './oci-model.ts';
import { newUpload } from './upload-fact.ts';
import { appendChunk, cancelUpload, finishUpload, locationOf, startUpload } from './upload-requests.ts';

interface Push {
  readonly repository: string;
  readonly content: Content;
}

/** Pushes a blob in one of the ways the API has. False when it did not come to an end, which loses nothing. */
export async function pushBlob(turn: Turn, model: OciModel, push: Push): Promise<boolean> {
  const { random } = turn;
  const source = model.blobs.find(
    ({ repository, digest, isThere }) =>
      repository !== push.repository && digest === push.content.digest && isThere.isSurely(true),
  );
  if (source !== undefined && random.chance(0.5))
    return mountBlob(turn, model, { ...push, from: source.repository });
  return random.chance(0.4) ? pushWhole(turn, model, push) : pushInSession(turn, model, push);
}

async function pushWhole({ client, random }: Turn, model: OciModel, push: Push): Promise<boolean> {
  const { repository, content } = push;
  const request = {
    method: 'POST',
    target: `/v2/${repository}/blobs/uploads/?digest=${encodeURIComponent(content.digest)}`,
    headers: { 'content-type': 'application/octet-stream' },
    body: inPieces(random, content.bytes),
  } as const;
  await changeBlob(model, model.blob(repository, content), { isThere: true, accepts: [201] }, async () => {
    const answer = await client.send(request);
    expectStatus(request, answer, [201]);
    return answer;
  });
  model.ledger.acknowledged('blob pushed whole');
  return true;
}

async function pushInSession(turn: Turn, model: OciModel, push: Push): Promise<boolean> {
  const { random } = turn;
  const upload = await startUpload(turn, model, push);
  try {
    const chunks = random.integer(0, 3);
    const length = Math.ceil(push.content.bytes.length / Math.max(1, chunks));
    for (let chunk = 0; chunk < chunks; chunk++) {
      if (!(await appendChunk(turn, model, { upload, length }))) return false;
    }
    return await finishUpload(turn, model, upload);
  } finally {
    upload.isBusy = false;
  }
}

async function mountBlob(
  turn: Turn,
  model: OciModel,
  push: Push & { readonly from: string },
): Promise<boolean> {
  const { repository, content, from } = push;
  const query = `mount=${encodeURIComponent(content.digest)}&from=${encodeURIComponent(from)}`;
  const request = { method: 'POST', target: `/v2/${repository}/blobs/uploads/?${query}` } as const;
  const answer = await changeBlob(
    model,
    model.blob(repository, content),
    { isThere: true, accepts: [201] },
    async () => {
      const answer = await turn.client.send(request);
      expectStatus(request, answer, [201, 202]);
      return answer;
    },
  );
  if (answer.status === 201) {
    model.ledger.acknowledged('blob mounted');
    return true;
  }
  // The source lost it meanwhile, and the server opened a session instead.
  const upload = newUpload({ repository, content, location: locationOf(answer, request.target) });
  model.uploads.add(upload);
  try {
    await cancelUpload(turn, model, upload);
  } finally {
    upload.isBusy = false;
  }
  return false;
}
