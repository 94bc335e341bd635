import type { Answer } from '../client.ts';
import type { Attempt } from '../register.ts';
import { Violation } from '../violation.ts';
import type { Turn } from '../workload.ts';
import { expectStatus } from './expect-status.ts';
import type { ImageFact, OciModel, TagFact } from './oci-model.ts';

export const MANIFEST_TYPE = 'application/vnd.oci.image.manifest.v1+json';

/**
 * Puts the manifest under a tag, or under its digest alone. False when the server does not have the config any more,
 * because it was collected or deleted.
 */
export async function putImage(
  { client }: Turn,
  model: OciModel,
  { image, tag }: { readonly image: ImageFact; readonly tag: TagFact | undefined },
): Promise<boolean> {
  const { repository, manifest, blobs } = image;
  const request = {
    method: 'PUT',
    target: `/v2/${repository}/manifests/${tag?.tag ?? manifest.digest}`,
    headers: { 'content-type': MANIFEST_TYPE },
    body: [manifest.bytes],
  } as const;
  // If it is gone by now, its blobs may have gone after it; what it holds then is for this push to say.
  if (!image.isThere.isSurely(true)) image.held = new Set();
  const watches = blobs.map((blob) => ({ blob, watch: blob.isThere.watch() }));
  const attempts: Attempt[] = [image.isThere.attempt(true)];
  if (tag !== undefined) {
    attempts.push(tag.digest.attempt(manifest.digest));
    // A delete of this image that is under way may come right after, and takes the tag with it.
    image.deleting?.push(tag.digest.attempt(undefined, { onlyIf: manifest.digest }));
  }
  image.pushes += 1;
  image.openPushes += 1;
  let answer: Answer;
  try {
    answer = await client.send(request);
    expectStatus(request, answer, [201, 400]);
  } catch (error) {
    for (const attempt of attempts) attempt.lose();
    for (const { watch } of watches) watch.end();
    throw error;
  } finally {
    image.openPushes -= 1;
  }
  const seen = watches.map(({ blob, watch }) => ({ blob, values: watch.end() }));
  const surelyThere = seen.filter(({ blob, values }) => !values.has(false) && !model.mayBeCollected(blob));
  if (answer.status === 400) {
    for (const attempt of attempts) attempt.refuse();
    if (surelyThere.some(({ blob }) => blob === blobs[0])) throw refusedWithoutReason(answer);
    return false;
  }
  for (const attempt of attempts) attempt.acknowledge();
  for (const { blob } of surelyThere) image.held.add(blob);
  model.ledger.acknowledged(tag === undefined ? 'manifest pushed' : 'tag moved');
  return true;
}

function refusedWithoutReason({ body }: Answer): Violation {
  return new Violation(
    `a manifest was refused although its config is there: ${body.toString('utf8', 0, 500)}`,
  );
}
