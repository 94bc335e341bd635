import { MediaType, StoreError } from '@zot-artifact-store/spec';
import type { Reply, RequestContext } from '../../http/protocol.ts';
import type { OciDeps } from '../deps.ts';
import type { PutBlob } from '../operation.ts';
import { blobCreatedReply } from '../upload-reply.ts';

/** end-4b: a whole blob in one POST. A body of unknown length is as good as one that says how long it is. */
export async function putBlob(
  { repository, digest }: PutBlob,
  { head, body, principal, signal }: RequestContext,
  { registry }: OciDeps,
): Promise<Reply> {
  const type = head.headers['content-type']?.toString().split(';', 1)[0]?.trim().toLowerCase();
  if (type !== undefined && type !== '' && type !== MediaType.octetStream) {
    throw new StoreError(
      'media-type-unsupported',
      `a blob is sent as ${MediaType.octetStream}, not as "${type.slice(0, 120)}"`,
      { resource: type.slice(0, 120), detail: { supported: [MediaType.octetStream] } },
    );
  }
  const { declaredBytes } = body;
  await registry.uploads.put(repository, body, {
    digest,
    ...(declaredBytes === undefined ? {} : { lengthBytes: declaredBytes }),
    signal,
    principal,
  });
  return blobCreatedReply(repository, digest);
}
