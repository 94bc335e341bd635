import type { Answer } from '../client.ts';
import { Violation } from '../violation.ts';
import type { Actor, Turn } from '../workload.ts';
import { digestOf } from './content.ts';
import { expectStatus } from './expect-status.ts';
import type { BlobFact, ImageFact, OciModel, TagFact } from './oci-model.ts';
import { MANIFEST_TYPE } from './put-image.ts';

/** Reads something while others change it: what is found must have been right at some time meanwhile. */
export function readBack(model: OciModel): Actor {
  return {
    name: 'read back',
    weight: 4,
    async act(turn) {
      const { random } = turn;
      const image = random.pick(model.images);
      const tag = random.pick(model.tags);
      const blob = random.pick(model.blobs);
      if (image !== undefined && random.chance(0.4)) await readImageBeside(turn, image);
      else if (tag !== undefined && random.chance(0.5)) await readTagBeside(turn, tag);
      else if (blob !== undefined) await readBlobBeside(turn, model, blob);
    },
  };
}

async function readImageBeside(turn: Turn, image: ImageFact): Promise<void> {
  const watch = image.isThere.watch();
  const found = await readImage(turn, image).finally(() => watch.end());
  const seen = watch.end();
  if (!seen.has(found)) throw image.isThere.violation(found, seen);
}

async function readTagBeside(turn: Turn, tag: TagFact): Promise<void> {
  const watch = tag.digest.watch();
  const found = await readTag(turn, tag).finally(() => watch.end());
  const seen = watch.end();
  if (!seen.has(found)) throw tag.digest.violation(found, seen);
}

async function readBlobBeside(turn: Turn, model: OciModel, blob: BlobFact): Promise<void> {
  const watch = blob.isThere.watch();
  const found = await readBlob(turn, blob).finally(() => watch.end());
  const seen = watch.end();
  if (seen.has(found) || (!found && Date.now() >= blob.keptUntilMs)) return;
  if (!found && model.mayBeCollected(blob)) return;
  throw blob.isThere.violation(found, seen);
}

/** Whether the manifest is there; byte for byte when it is. */
export async function readImage({ client }: Turn, { repository, manifest }: ImageFact): Promise<boolean> {
  const target = `/v2/${repository}/manifests/${manifest.digest}`;
  const answer = await client.send({ method: 'GET', target, headers: { accept: MANIFEST_TYPE } });
  expectStatus({ method: 'GET', target }, answer, [200, 404]);
  if (answer.status === 404) return false;
  if (!answer.body.equals(manifest.bytes)) throw altered(target, answer);
  return true;
}

/** The digest the tag points to, whose manifest has that digest; undefined when there is no tag. */
export async function readTag({ client }: Turn, { repository, tag }: TagFact): Promise<string | undefined> {
  const target = `/v2/${repository}/manifests/${tag}`;
  const answer = await client.send({ method: 'GET', target, headers: { accept: MANIFEST_TYPE } });
  expectStatus({ method: 'GET', target }, answer, [200, 404]);
  if (answer.status === 404) return undefined;
  const digest = digestOf(answer.body);
  if (answer.headers['docker-content-digest'] !== digest) throw altered(target, answer);
  return digest;
}

/** Whether the blob is there; byte for byte when it is. */
export async function readBlob({ client }: Turn, { repository, digest }: BlobFact): Promise<boolean> {
  const target = `/v2/${repository}/blobs/${digest}`;
  const answer = await client.send({ method: 'GET', target });
  expectStatus({ method: 'GET', target }, answer, [200, 404]);
  if (answer.status === 404) return false;
  if (digestOf(answer.body) !== digest) throw altered(target, answer);
  return true;
}

/** As `readBlob`, without the bytes. */
export async function findBlob(
  { client }: Turn,
  { repository, digest, sizeBytes }: BlobFact,
): Promise<boolean> {
  const target = `/v2/${repository}/blobs/${digest}`;
  const answer = await client.send({ method: 'HEAD', target });
  expectStatus({ method: 'HEAD', target }, answer, [200, 404]);
  if (answer.status === 404) return false;
  if (Number(answer.headers['content-length']) !== sizeBytes) throw altered(target, answer);
  return true;
}

function altered(target: string, { body, headers }: Answer): Violation {
  return new Violation(
    `${target} is not what was pushed: ${body.length} bytes with the digest ${digestOf(body)}; its headers say ${headers['docker-content-digest']} and ${headers['content-length']} bytes`,
  );
}
