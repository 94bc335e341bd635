import type { StoreError } from '@zot-artifact-store/spec';
import type { Reply, RequestHead } from '../../http/protocol.ts';
import { toS3Error } from './errors.ts';
import { xmlDocument } from './xml/write.ts';

/** S3's error document: no namespace, RequestId equal to the `x-amz-request-id` header. */
export function renderS3Error(error: StoreError, head: RequestHead): Reply {
  const { code, message, status, fields, headers, resource } = toS3Error(error);
  const told = toldOf(error.detail);
  const ids = s3Ids(head);
  // 304 and answers to HEAD have no body; the pipeline leaves it out for HEAD.
  const body = xmlDocument('Error', {
    Code: code,
    Message: message,
    ...fields,
    ...told,
    Resource: fields.Resource ?? resource ?? head.path,
    RequestId: head.id,
    HostId: head.id,
  });
  return { status, headers: { ...headers, ...ids, 'content-type': 'application/xml' }, body };
}

/** Why access was refused, for whoever may know: `Reason`, and `Explanation` as JSON. */
function toldOf(detail: unknown): Readonly<Record<string, string>> {
  if (typeof detail !== 'object' || detail === null) return {};
  return {
    ...('reason' in detail && typeof detail.reason === 'string' && { Reason: detail.reason }),
    ...('explanation' in detail && { Explanation: JSON.stringify(detail.explanation) }),
  };
}

/** On every reply. */
export function s3Ids(head: RequestHead): Readonly<Record<string, string>> {
  return { 'x-amz-request-id': head.id, 'x-amz-id-2': head.id };
}
