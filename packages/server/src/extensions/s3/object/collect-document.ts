import type { RequestContext, RequestHead } from '../../../http/protocol.ts';
import { S3Error } from '../errors.ts';
import { checksumSent } from './checksum.ts';
import { contentMd5 } from './content-md5.ts';

/** Throws InvalidRequest when a body comes with neither Content-MD5 nor a checksum. */
export function assertBodyChecked(head: RequestHead): void {
  if (contentMd5(head) !== undefined || checksumSent(head) !== undefined) return;
  throw new S3Error(
    'InvalidRequest',
    'Missing required header for this request: Content-MD5 OR x-amz-checksum-*',
  );
}

export function collectDocument({ body }: RequestContext, limitBytes: number): Promise<Buffer> {
  return body.collect(limitBytes);
}
