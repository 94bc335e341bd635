import type { Ledger } from '../ledger.ts';
import { Violation } from '../violation.ts';
import type { Turn, Workload } from '../workload.ts';
import { readAt, readObject, s3Actors } from './s3-actors.ts';
import { LOCKED, PLAIN, pathOf, S3Model, VERSIONED } from './s3-model.ts';
import { sendS3 } from './s3-request.ts';

/** Clients of S3 that share keys, versions and uploads. Parts may be of any size: `extensions.s3.minPartBytes: 1`. */
export function s3Workload({ ledger }: { readonly ledger: Ledger }): Workload {
  const model = new S3Model(ledger);
  return {
    name: 's3',
    actors: s3Actors(model),
    verify: (turn) => verifyS3(turn, model),
  };
}

async function verifyS3(turn: Turn, model: S3Model): Promise<void> {
  if (!model.hasBuckets) return;
  for (const fact of model.objects) fact.content.settle(await readObject(turn, fact));
  await verifyListing(turn, model);
  for (const { key, versionId, content } of model.versions) {
    content.settle(await readAt(turn, `${pathOf(VERSIONED, key)}?versionId=${versionId}`));
  }
  for (const { key, versionId, sha256 } of model.locked) {
    const found = await readAt(turn, `${pathOf(LOCKED, key)}?versionId=${versionId}`);
    if (found === sha256) continue;
    throw new Violation(`version ${versionId} of ${key} is ${found}, and was locked as ${sha256}`);
  }
}

/** A listing shows what reads find, and nothing else. */
async function verifyListing(turn: Turn, { objects }: S3Model): Promise<void> {
  const { body } = await sendS3(turn, { method: 'GET', target: `/${PLAIN}?list-type=2` }, [200]);
  const listed = [...body.toString().matchAll(/<Key>([^<]*)<\/Key>/g)].map(([, key]) => key ?? '').sort();
  const there = objects
    .filter(({ content }) => !content.isSurely(undefined))
    .map(({ key }) => key)
    .sort();
  if (listed.join('\n') !== there.join('\n')) {
    throw new Violation(`the listing has ${listed.join(', ')}, and there are ${there.join(', ')}`);
  }
}
