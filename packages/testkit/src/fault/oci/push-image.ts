import type { Random } from '../random.ts';
import type { Actor, Turn } from '../workload.ts';
import { type Content, contentOf, newContent } from './content.ts';
import type { OciModel } from './oci-model.ts';
import { pushBlob } from './push-blob.ts';
import { MANIFEST_TYPE, putImage } from './put-image.ts';

/** With so many images in a repository others are pushed again instead. */
const MAX_IMAGES = 5;

/** Pushes an image of a config and a few layers, some of which other repositories and images have too. */
export function pushImage(model: OciModel, shared: readonly Content[]): Actor {
  return {
    name: 'push an image',
    weight: 6,
    async act(turn) {
      const { random } = turn;
      const repository = random.pick(model.repositories) ?? '';
      const living = model.livingImages(repository);
      const again = random.chance(0.2) || living.length >= MAX_IMAGES ? random.pick(living) : undefined;
      if (again !== undefined) {
        await putImage(turn, model, { image: again, tag: undefined });
        return;
      }
      await pushNew(turn, model, { repository, shared });
    },
  };
}

async function pushNew(
  turn: Turn,
  model: OciModel,
  { repository, shared }: { readonly repository: string; readonly shared: readonly Content[] },
): Promise<void> {
  const { random } = turn;
  const layers = Array.from({ length: random.integer(1, 3) }, () =>
    random.chance(0.6) ? (random.pick(shared) ?? newContent(random)) : newContent(random),
  );
  const config = contentOf(Buffer.from(JSON.stringify({ created: random.bytes(12).toString('hex') })));
  const contents = [config, ...new Map(layers.map((layer) => [layer.digest, layer])).values()];
  for (const content of contents) {
    if (!(await pushBlob(turn, model, { repository, content }))) return;
  }
  const subject = random.chance(0.3) ? random.pick(model.livingImages(repository)) : undefined;
  const image = model.image({
    repository,
    manifest: manifestOf(contents, subject?.manifest),
    blobs: contents.map((content) => model.blob(repository, content)),
    subject: subject?.manifest.digest,
  });
  const tag = random.chance(0.5) ? pickTag(random, model, repository) : undefined;
  await putImage(turn, model, { image, tag });
}

export function pickTag(random: Random, model: OciModel, repository: string) {
  return random.pick(model.tagsOf(repository));
}

function manifestOf([config, ...layers]: readonly Content[], subject: Content | undefined): Content {
  const describe = (mediaType: string, { digest, bytes }: Content) => ({
    mediaType,
    digest,
    size: bytes.length,
  });
  const manifest = {
    schemaVersion: 2,
    mediaType: MANIFEST_TYPE,
    config: config && describe('application/vnd.oci.image.config.v1+json', config),
    layers: layers.map((layer) => describe('application/vnd.oci.image.layer.v1.tar', layer)),
    ...(subject === undefined ? {} : { subject: describe(MANIFEST_TYPE, subject) }),
  };
  return contentOf(Buffer.from(JSON.stringify(manifest)));
}
