import type { Actor } from '../workload.ts';
import { expectStatus } from './expect-status.ts';
import type { OciModel } from './oci-model.ts';

/** Deletes a manifest, and with it every tag that points to it. */
export function deleteImage(model: OciModel): Actor {
  return {
    name: 'delete an image',
    weight: 3,
    async act({ client, random }) {
      const image = random.pick(model.livingImages().filter(({ deleting }) => deleting === undefined));
      if (image === undefined) return;
      const { repository, manifest } = image;
      const request = { method: 'DELETE', target: `/v2/${repository}/manifests/${manifest.digest}` } as const;
      const startedAtMs = Date.now();
      const { held, pushes, openPushes } = image;
      image.held = new Set();
      image.deleting = [
        image.isThere.attempt(false),
        ...model
          .tagsOf(repository)
          .filter(({ digest }) => digest.possible.has(manifest.digest))
          .map(({ digest }) => digest.attempt(undefined, { onlyIf: manifest.digest })),
      ];
      try {
        const answer = await client.send(request);
        expectStatus(request, answer, [202, 404]);
        if (answer.status === 404) {
          for (const attempt of image.deleting) attempt.refuse();
          return;
        }
        for (const attempt of image.deleting) attempt.acknowledge();
        // What only it held is kept for another grace from the delete.
        for (const blob of held) blob.keptUntilMs = Math.max(blob.keptUntilMs, startedAtMs + model.graceMs);
        model.ledger.acknowledged('manifest deleted');
      } catch (error) {
        for (const attempt of image.deleting) attempt.lose();
        // Should it be there still, then because nothing happened; unless a push may have brought it back.
        if (image.pushes === pushes && openPushes === 0) image.held = held;
        throw error;
      } finally {
        image.deleting = undefined;
      }
    },
  };
}
