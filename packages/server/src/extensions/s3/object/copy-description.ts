import type { RequestHead } from '../../../http/protocol.ts';
import { headerOf } from '../auth/header-of.ts';
import { SSE } from '../encryption/asked.ts';
import { CUSTOMER_PREFIX } from '../encryption/customer-key.ts';
import { S3Error } from '../errors.ts';
import type { ChecksumAlgorithm } from '../store/records.ts';
import { parseChecksumAlgorithm } from './checksum.ts';
import type { Description } from './description.ts';
import type { FoundObject } from './find-object.ts';
import { invalidArgument } from './invalid-argument.ts';
import { REDIRECT } from './stored-headers.ts';

/** What of a copy comes from its source, and what from the request. */
export interface CopyDirectives {
  readonly replacesMetadata: boolean;
  readonly replacesTags: boolean;
  /** The checksum the copy is to have; undefined keeps that of the source. */
  readonly checksum: ChecksumAlgorithm | undefined;
  /** Whether the request says something of encryption or storage class, which may have been otherwise. */
  readonly isRewrite: boolean;
}

/** Throws InvalidArgument for a directive that there is not, InvalidRequest for a checksum that there is not. */
export function parseDirectives(head: RequestHead): CopyDirectives {
  const checksum = headerOf(head, 'x-amz-checksum-algorithm');
  return {
    replacesMetadata: isReplace(head, 'x-amz-metadata-directive', 'Unknown metadata directive.'),
    replacesTags: isReplace(head, 'x-amz-tagging-directive', 'Unknown tagging directive.'),
    checksum: checksum === undefined ? undefined : parseChecksumAlgorithm(checksum),
    isRewrite:
      headerOf(head, SSE) !== undefined ||
      headerOf(head, `${CUSTOMER_PREFIX}algorithm`) !== undefined ||
      headerOf(head, 'x-amz-storage-class') !== undefined,
  };
}

/**
 * The description of the copy. Protection, grants and a website redirect are never copied. Throws InvalidRequest for a
 * copy of an object to itself that changes nothing.
 */
export function copyDescription({
  asked,
  directives,
  found,
  isSame,
}: {
  readonly asked: Description;
  readonly directives: CopyDirectives;
  readonly found: FoundObject;
  readonly isSame: boolean;
}): { readonly description: Description; readonly checksum: ChecksumAlgorithm | undefined } {
  const { replacesMetadata, replacesTags } = directives;
  const { record, extra } = found;
  const checksum = directives.checksum === record.checksum?.algorithm ? undefined : directives.checksum;
  const redirect = asked.headers[REDIRECT];
  const isChanged =
    replacesMetadata ||
    replacesTags ||
    checksum !== undefined ||
    directives.isRewrite ||
    redirect !== undefined ||
    asked.acl !== undefined;
  if (isSame && !isChanged) {
    throw new S3Error(
      'InvalidRequest',
      "This copy request is illegal because it is trying to copy an object to itself without changing the object's metadata, storage class, website redirect location or encryption attributes.",
    );
  }
  const { [REDIRECT]: _redirect, ...kept } = extra.headers;
  const description: Description = {
    ...asked,
    ...(!replacesMetadata && {
      headers: redirect === undefined ? kept : { ...kept, [REDIRECT]: redirect },
      metadata: extra.metadata,
    }),
    ...(!replacesTags && { tags: extra.tags }),
  };
  return { description, checksum };
}

function isReplace(head: RequestHead, name: string, message: string): boolean {
  const text = headerOf(head, name);
  if (text === undefined || text === 'COPY') return false;
  if (text === 'REPLACE') return true;
  throw invalidArgument(name, text, message);
}
