import type { Digest } from '@zot-artifact-store/spec';

/** What never changes under its name may be kept for a year; only a deletion ends it, and a digest stays true. */
export const CACHE_IMMUTABLE = 'max-age=31536000, immutable';
/** A tag may move at any time; the entity tag makes asking again cheap. */
export const CACHE_REVALIDATE = 'no-cache';

/** The strong entity tag of content: its digest, quoted. */
export function entityTag(digest: Digest): string {
  return `"${digest}"`;
}
