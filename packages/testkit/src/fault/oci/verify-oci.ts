import { Violation } from '../violation.ts';
import type { Turn } from '../workload.ts';
import { expectStatus } from './expect-status.ts';
import type { BlobFact, ImageFact, OciModel } from './oci-model.ts';
import { findBlob, readBlob, readImage, readTag } from './read-back.ts';
import type { UploadFact } from './upload-fact.ts';
import { checkUpload, finishUpload } from './upload-requests.ts';

/** Requests under way at a time. */
const PARALLEL = 8;
/** A session that is offered its rest again and again and never ends cannot be finished. */
const FINISH_TRIES = 5;

/** See `Workload.verify`. */
export async function verifyOci(
  turn: Turn,
  model: OciModel,
  { isLast }: { readonly isLast: boolean },
): Promise<void> {
  // Before anything grows old enough to be collected.
  await each(model.uploads, (upload) => verifyUpload(turn, model, { upload, isLast }));
  const readBlobs = new Set<string>();
  await each(model.blobs, (blob) => verifyBlob(turn, model, { blob, readBlobs }));
  await each(model.images, (image) => verifyImage(turn, model, { image, readBlobs }));
  await each(model.tags, async (tag) => tag.digest.settle(await readTag(turn, tag)));
  await each(model.repositories, (repository) => verifyTagList(turn, model, repository));
  model.forgetOldest({ blobs: 24, images: 12 });
}

async function verifyBlob(
  turn: Turn,
  model: OciModel,
  { blob, readBlobs }: { readonly blob: BlobFact; readonly readBlobs: Set<string> },
): Promise<void> {
  const wasRead = readBlobs.has(blob.digest);
  readBlobs.add(blob.digest);
  const isThere = wasRead ? await findBlob(turn, blob) : await readBlob(turn, blob);
  if (!isThere && model.mayBeCollected(blob)) blob.isThere.attempt(false).acknowledge();
  blob.isThere.settle(isThere);
}

/** The manifest with all it is held to have; and whoever refers to it is told by its list of referrers. */
async function verifyImage(
  turn: Turn,
  model: OciModel,
  { image, readBlobs }: { readonly image: ImageFact; readonly readBlobs: Set<string> },
): Promise<void> {
  const isThere = await readImage(turn, image);
  image.isThere.settle(isThere);
  if (image.subject !== undefined) await verifyReferrer(turn, image, isThere);
  if (!isThere) {
    image.held.clear();
    return;
  }
  for (const blob of image.held) {
    const isHere = readBlobs.has(blob.digest) ? await findBlob(turn, blob) : await readBlob(turn, blob);
    if (!isHere)
      throw new Violation(
        `${image.isThere.name} is there, and its ${blob.isThere.name} is not; ${image.isThere.story}; ${blob.isThere.story}`,
      );
  }
  model.ledger.tick();
}

async function verifyReferrer({ client }: Turn, image: ImageFact, isThere: boolean): Promise<void> {
  const { repository, manifest, subject } = image;
  const request = { method: 'GET', target: `/v2/${repository}/referrers/${subject}` } as const;
  const answer = await client.send(request);
  expectStatus(request, answer, [200]);
  const { manifests } = JSON.parse(answer.body.toString()) as { manifests: { digest: string }[] };
  const isListed = manifests.some(({ digest }) => digest === manifest.digest);
  if (isListed !== isThere) {
    throw new Violation(
      `${image.isThere.name} is there: ${isThere}; listed as referrer of ${subject}: ${isListed}`,
    );
  }
}

async function verifyTagList({ client }: Turn, model: OciModel, repository: string): Promise<void> {
  const request = { method: 'GET', target: `/v2/${repository}/tags/list` } as const;
  const answer = await client.send(request);
  expectStatus(request, answer, [200, 404]);
  const listed: readonly string[] = answer.status === 404 ? [] : JSON.parse(answer.body.toString()).tags;
  const known = model
    .tagsOf(repository)
    .filter(({ digest }) => !digest.isSurely(undefined))
    .map(({ tag }) => tag);
  if (listed.join() !== known.sort().join()) {
    throw new Violation(`${repository} lists the tags ${listed.join()}, and has ${known.join()}`);
  }
}

async function verifyUpload(
  turn: Turn,
  model: OciModel,
  { upload, isLast }: { readonly upload: UploadFact; readonly isLast: boolean },
): Promise<void> {
  const { mayBeFinished, mayBeCancelled } = upload;
  if (!(await checkUpload(turn, model, upload))) {
    if (mayBeFinished && !mayBeCancelled) await verifyFinished(turn, model, upload);
    return;
  }
  // The others are left for later crashes.
  if (!isLast && turn.random.chance(0.6)) return;
  for (let tries = 1; !(await finishUpload(turn, model, upload)); tries++) {
    if (tries >= FINISH_TRIES) {
      throw new Violation(`${upload.location} has ${upload.acknowledgedBytes} bytes and cannot be finished`);
    }
  }
}

/** The session is gone because it was finished: then the blob is there. */
async function verifyFinished(turn: Turn, model: OciModel, upload: UploadFact): Promise<void> {
  const blob = model.blob(upload.repository, upload.content);
  const isThere = await findBlob(turn, blob);
  if (isThere || blob.wasDeleted || Date.now() >= upload.finishSentAtMs + model.graceMs) return;
  throw new Violation(`${upload.location} is gone, and ${blob.isThere.name} is not there`);
}

async function each<T>(items: Iterable<T>, work: (item: T) => Promise<void>): Promise<void> {
  const left = [...items];
  const next = async (): Promise<void> => {
    for (let item = left.shift(); item !== undefined; item = left.shift()) await work(item);
  };
  await Promise.all(Array.from({ length: PARALLEL }, next));
}
