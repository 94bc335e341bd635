import type { Ledger } from '../ledger.ts';
import type { Random } from '../random.ts';
import type { Workload } from '../workload.ts';
import { newContent } from './content.ts';
import { deleteBlob } from './delete-blob.ts';
import { deleteImage } from './delete-image.ts';
import { deleteTag } from './delete-tag.ts';
import { moveTag } from './move-tag.ts';
import { OciModel } from './oci-model.ts';
import { pushImage } from './push-image.ts';
import { readBack } from './read-back.ts';
import { useUpload } from './use-upload.ts';
import { verifyOci } from './verify-oci.ts';

const REPOSITORIES = ['alpha', 'team/beta', 'team/gamma'];
const SHARED_CONTENTS = 10;

/** Clients of the distribution API that share repositories, tags and contents. `graceMs` is the server's gcDelay. */
export function ociWorkload(options: {
  readonly ledger: Ledger;
  readonly random: Random;
  readonly graceMs: number;
}): Workload {
  const { ledger, random, graceMs } = options;
  const model = new OciModel({ ledger, graceMs, repositories: REPOSITORIES });
  const shared = Array.from({ length: SHARED_CONTENTS }, () => newContent(random));
  return {
    name: 'oci',
    actors: [
      pushImage(model, shared),
      useUpload(model, shared),
      moveTag(model),
      deleteTag(model),
      deleteImage(model),
      deleteBlob(model),
      readBack(model),
    ],
    verify: (turn, how) => verifyOci(turn, model, how),
  };
}
