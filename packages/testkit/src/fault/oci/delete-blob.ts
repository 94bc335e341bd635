import type { Actor } from '../workload.ts';
import { changeBlob } from './change-blob.ts';
import { expectStatus } from './expect-status.ts';
import type { OciModel } from './oci-model.ts';

/** Deletes a blob, which the server refuses as long as a manifest names it. */
export function deleteBlob(model: OciModel): Actor {
  return {
    name: 'delete a blob',
    weight: 2,
    async act({ client, random }) {
      const blob = random.pick(model.blobs.filter(({ isThere }) => isThere.isSurely(true)));
      if (blob === undefined) return;
      const { repository, digest } = blob;
      const request = { method: 'DELETE', target: `/v2/${repository}/blobs/${digest}` } as const;
      const answer = await changeBlob(model, blob, { isThere: false, accepts: [202] }, async () => {
        const answer = await client.send(request);
        expectStatus(request, answer, [202, 404, 405]);
        return answer;
      });
      if (answer.status === 202) model.ledger.acknowledged('blob deleted');
    },
  };
}
