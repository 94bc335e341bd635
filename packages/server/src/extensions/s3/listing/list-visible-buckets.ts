import type { RequestContext } from '../../../http/protocol.ts';
import { ownName } from '../access/own-name.ts';
import { withoutPublic } from '../access/without-public.ts';
import { resourceOf } from '../actions.ts';
import type { Buckets, StoredBucket } from '../store/buckets.ts';

export interface VisibleBuckets {
  readonly buckets: readonly StoredBucket[];
  readonly more: boolean;
}

/** Buckets read from the store at a time. */
const SCAN_PAGE = 1000;
/** Buckets looked at for one answer, once there is something to go on from. */
const MAX_SCANNED = 100_000;

/**
 * Up to `limit` buckets in order of their names that are the caller's, or that the caller may list; root sees all. What
 * everybody may list is in nobody's list for that. A scan through very many others stops early with what it has.
 */
export async function listVisibleBuckets(
  buckets: Buckets,
  context: Pick<RequestContext, 'principal' | 'can' | 'signal'>,
  { prefix, after, limit }: { readonly prefix: string; readonly after?: string; readonly limit: number },
): Promise<VisibleBuckets> {
  const { principal } = context;
  const seesAll = principal.kind === 'user' && principal.isRoot;
  const own = ownName(principal);
  const found: StoredBucket[] = [];
  let from = after;
  for (let scanned = 0; ; scanned += SCAN_PAGE) {
    context.signal.throwIfAborted();
    const page = await buckets.list({
      prefix,
      limit: SCAN_PAGE,
      ...(from !== undefined && { after: from }),
    });
    for (const bucket of page) {
      const isVisible =
        seesAll ||
        bucket.record.owner === own ||
        (await context.can(withoutPublic({ action: 's3:ListBucket', resource: resourceOf(bucket.name) })));
      if (!isVisible) continue;
      if (found.length === limit) return { buckets: found, more: true };
      found.push(bucket);
    }
    from = page.at(-1)?.name;
    if (page.length < SCAN_PAGE || from === undefined) return { buckets: found, more: false };
    if (found.length > 0 && scanned >= MAX_SCANNED) return { buckets: found, more: true };
  }
}
