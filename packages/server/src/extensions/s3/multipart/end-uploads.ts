import type { ContentStore } from '../../../content/content-store.ts';
import { decodeKey } from '../../../metadata/keys.ts';
import type { MetadataStore } from '../../../metadata/metadata-store.ts';
import { transact } from '../../../metadata/transaction.ts';
import { s3Keys } from '../store/keyspace.ts';
import { finishedCodec, partCodec } from './records.ts';
import { firstUploadIdOf } from './upload-id.ts';
import { partOwner } from './uploads.ts';

export interface EndUploadsDeps {
  readonly metadata: MetadataStore;
  readonly content: Pick<ContentStore, 'removeEdge'>;
  readonly clock: { now(): number };
}

/** Parts let go in one transaction. */
const BATCH = 200;
const UPLOADS_AT_ONCE = 100;
/** How long a client may finish a finished upload again and get the same answer. */
const ANSWER_KEPT_MS = 48 * 60 * 60 * 1000;

/** Lets go of the parts of uploads that were completed or aborted; returns how many uploads are done with. */
export async function endUploads(deps: EndUploadsDeps, signal: AbortSignal): Promise<number> {
  const { metadata } = deps;
  let ended = 0;
  for (;;) {
    const rows = await metadata.scan({ prefix: s3Keys.uploadsOver() }, { limit: UPLOADS_AT_ONCE });
    for (const { key } of rows) {
      const uploadId = String(decodeKey(key).at(-1));
      while (await letGoOfParts(deps, uploadId)) signal.throwIfAborted();
      ended += 1;
    }
    if (rows.length < UPLOADS_AT_ONCE) break;
    signal.throwIfAborted();
  }
  await forgetAnswers(deps, signal);
  return ended;
}

/** One batch; false once the upload has no parts any more, and with it its own row. */
async function letGoOfParts({ metadata, content }: EndUploadsDeps, uploadId: string): Promise<boolean> {
  return transact(metadata, async (transaction) => {
    transaction.mayUseReserve = true;
    const rows = await metadata.scan({ prefix: s3Keys.parts(uploadId) }, { limit: BATCH });
    for (const { key, value } of rows) {
      const partNumber = Number(decodeKey(key).at(-1));
      transaction.delete(key);
      transaction.expectUnchanged(key, value);
      content.removeEdge(transaction, partCodec.decode(value).digest, partOwner(uploadId, partNumber));
    }
    if (rows.length > 0) return true;
    // Nothing can be added: a part expects the upload's row, and that is gone.
    transaction.delete(s3Keys.uploadOver(uploadId));
    return false;
  });
}

/** Ids begin with the time of their upload, so older rows stand first; an upload may take longer than it is remembered. */
async function forgetAnswers({ metadata, clock }: EndUploadsDeps, signal: AbortSignal): Promise<void> {
  const before = clock.now() - ANSWER_KEPT_MS;
  const range = { from: s3Keys.finishedUploads(), to: s3Keys.finishedUpload(firstUploadIdOf(before)) };
  let after: Uint8Array | undefined;
  for (;;) {
    signal.throwIfAborted();
    const rows = await metadata.scan(range, { limit: BATCH, ...(after === undefined ? {} : { after }) });
    const old = rows.filter(({ value }) => finishedCodec.decode(value).finishedAtMs < before);
    if (old.length > 0) await metadata.commit({ deletes: old.map(({ key }) => key) });
    after = rows.at(-1)?.key;
    if (after === undefined || rows.length < BATCH) return;
  }
}
