import type { RequestHead } from '../../../http/protocol.ts';
import { S3Error } from '../errors.ts';

/** Added on the way by a content delivery network, and of no meaning here. */
const ADDED_ON_THE_WAY: ReadonlySet<string> = new Set(['x-amz-cf-id']);

/**
 * The names in `SignedHeaders`, in lower case and sorted. Throws AccessDenied unless they cover the Host and every
 * `x-amz-` header of the request: what is not signed could have been put there by anybody. Others may be left out.
 */
export function parseSignedHeaders(head: RequestHead, list: string): readonly string[] {
  const names = list.toLowerCase().split(';').sort();
  const signed = new Set(names);
  const unsigned = new Set<string>();
  if (!signed.has('host')) unsigned.add('host');
  for (let index = 0; index < head.rawHeaders.length; index += 2) {
    const name = (head.rawHeaders[index] ?? '').toLowerCase();
    if (name.startsWith('x-amz-') && !signed.has(name) && !ADDED_ON_THE_WAY.has(name)) unsigned.add(name);
  }
  if (unsigned.size > 0) {
    throw new S3Error('AccessDenied', 'There were headers present in the request which were not signed', {
      fields: { HeadersNotSigned: [...unsigned].sort().join(', ') },
    });
  }
  return names;
}
