import { type Digest, StoreError } from '@zot-artifact-store/spec';
import { evaluatePreconditions } from '../http/conditional.ts';
import { type EntityTagList, parseEntityTagList } from '../http/entity-tag.ts';
import type { RequestHead } from '../http/protocol.ts';
import type { ManifestCondition } from '../registry/registry.ts';
import { entityTag } from './content-headers.ts';

export function preconditionFailed(current: Digest): StoreError {
  return new StoreError('precondition-failed', 'the condition of the request does not hold', {
    detail: { current },
  });
}

/** Throws `precondition-failed` unless the condition of the request, if it has one, holds for content of this digest. */
export function requireCondition(head: RequestHead, digest: Digest): void {
  if (evaluatePreconditions(head, { etag: entityTag(digest) }) !== 'proceed')
    throw preconditionFailed(digest);
}

/**
 * The condition that a push or an untagging carries, as what its reference must or must not point to; undefined when
 * there is none. Entity tags of manifests are their digests. Throws `argument-invalid`.
 */
export function manifestCondition(head: RequestHead): ManifestCondition | undefined {
  const ifMatch = entityTags(head, 'if-match');
  const ifNoneMatch = entityTags(head, 'if-none-match');
  if (ifMatch === undefined && ifNoneMatch === undefined) return undefined;
  return {
    // If-Match compares strongly (RFC 9110 13.1.1): a weak tag matches nothing. If-None-Match compares weakly.
    ...(ifMatch === undefined ? {} : { ifMatch: valuesOf(ifMatch, (tag) => !tag.isWeak) }),
    ...(ifNoneMatch === undefined ? {} : { ifNoneMatch: valuesOf(ifNoneMatch, () => true) }),
  };
}

function entityTags(head: RequestHead, name: 'if-match' | 'if-none-match'): EntityTagList | undefined {
  const header = head.headers[name];
  return typeof header === 'string' ? parseEntityTagList(header, name) : undefined;
}

function valuesOf(
  list: EntityTagList,
  counts: (tag: { readonly isWeak: boolean }) => boolean,
): 'any' | readonly string[] {
  return list === 'any' ? 'any' : list.filter(counts).map((tag) => tag.value);
}
