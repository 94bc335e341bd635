import type { Actor } from '../workload.ts';
import type { OciModel } from './oci-model.ts';
import { pickTag } from './push-image.ts';
import { putImage } from './put-image.ts';

/** Moves a tag to an image of its repository. */
export function moveTag(model: OciModel): Actor {
  return {
    name: 'move a tag',
    weight: 6,
    async act(turn) {
      const image = turn.random.pick(model.livingImages());
      if (image === undefined) return;
      const tag = pickTag(turn.random, model, image.repository);
      await putImage(turn, model, { image, tag });
    },
  };
}
