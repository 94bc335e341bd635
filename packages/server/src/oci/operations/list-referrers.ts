import { type Descriptor, type Digest, MediaType } from '@zot-artifact-store/spec';
import type { Reply, RequestContext } from '../../http/protocol.ts';
import type { OciDeps } from '../deps.ts';
import { nextLink } from '../locations.ts';
import type { ListReferrers } from '../operation.ts';

/** Descriptors read from the store at a time. */
const SCAN_PAGE = 500;

/**
 * end-12a, end-12b: an index of what refers to a digest, empty for one nobody knows. As many descriptors as fit into a
 * manifest of the largest size, because clients read it as one; the rest behind a `Link`.
 */
export async function listReferrers(
  operation: ListReferrers,
  context: RequestContext,
  deps: OciDeps,
): Promise<Reply> {
  const { repository, digest, artifactTypes, page } = operation;
  const { items, last, more } = await collectDescriptors(operation, context, deps);
  const link =
    more && last !== undefined
      ? nextLink(`/v2/${repository}/referrers/${digest}`, [
          ['n', page.count === undefined ? undefined : String(page.count)],
          ['last', last],
          ...artifactTypes.map((type) => ['artifactType', type] as const),
        ])
      : undefined;
  return {
    status: 200,
    headers: {
      'content-type': MediaType.imageIndex,
      ...(artifactTypes.length === 0 ? {} : { 'oci-filters-applied': 'artifactType' }),
      ...(link === undefined ? {} : { link }),
    },
    body: `{"schemaVersion":2,"mediaType":"${MediaType.imageIndex}","manifests":[${items.join(',')}]}`,
  };
}

interface Collected {
  /** JSON texts. */
  readonly items: readonly string[];
  readonly last: Digest | undefined;
  readonly more: boolean;
}

async function collectDescriptors(
  { repository, digest, artifactTypes, page }: ListReferrers,
  { signal }: RequestContext,
  { registry, limits }: OciDeps,
): Promise<Collected> {
  const wanted = page.count ?? Number.POSITIVE_INFINITY;
  const items: string[] = [];
  let last: Digest | undefined;
  let sizeBytes = 0;
  while (items.length < wanted) {
    signal.throwIfAborted();
    const after = last ?? page.after;
    const found = await registry.referrers.list(repository, digest, {
      artifactTypes,
      ...(after === undefined ? {} : { after }),
      limit: Math.min(SCAN_PAGE, wanted - items.length),
    });
    for (const descriptor of found.items) {
      const text = renderDescriptor(descriptor);
      sizeBytes += Buffer.byteLength(text) + 1;
      // One descriptor alone is sent however large it is, or the pages would never end.
      if (sizeBytes > limits.manifestMaxBytes && items.length > 0) return { items, last, more: true };
      items.push(text);
      last = descriptor.digest;
    }
    if (!found.more || found.items.length === 0) return { items, last, more: false };
  }
  return { items, last, more: items.length > 0 };
}

/** Only what the spec puts into a referrers list. */
function renderDescriptor({ mediaType, size, digest, artifactType, annotations }: Descriptor): string {
  return JSON.stringify({ mediaType, size, digest, artifactType, annotations });
}
