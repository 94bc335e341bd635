import type { Actor } from '../workload.ts';
import { expectStatus } from './expect-status.ts';
import type { OciModel } from './oci-model.ts';

/** Deletes a tag and leaves the image. */
export function deleteTag(model: OciModel): Actor {
  return {
    name: 'delete a tag',
    weight: 2,
    async act({ client, random }) {
      const tag = random.pick(model.tags.filter(({ digest }) => !digest.isSurely(undefined)));
      if (tag === undefined) return;
      const request = { method: 'DELETE', target: `/v2/${tag.repository}/manifests/${tag.tag}` } as const;
      const attempt = tag.digest.attempt(undefined);
      try {
        const answer = await client.send(request);
        expectStatus(request, answer, [202, 404]);
        if (answer.status === 404) {
          attempt.refuse();
          return;
        }
        attempt.acknowledge();
        model.ledger.acknowledged('tag deleted');
      } catch (error) {
        attempt.lose();
        throw error;
      }
    },
  };
}
