import { MediaType, StoreError } from '@zot-artifact-store/spec';
import { multipartByteranges } from '../../http/byteranges.ts';
import { evaluatePreconditions, isRangeApplicable } from '../../http/conditional.ts';
import type { Reply, RequestContext } from '../../http/protocol.ts';
import { type ByteRange, contentRange, parseRange, rangeLength, unsatisfiedRange } from '../../http/range.ts';
import type { RepositoryBlob } from '../../registry/registry.ts';
import { CACHE_IMMUTABLE, entityTag } from '../content-headers.ts';
import type { OciDeps } from '../deps.ts';
import type { ReadBlob } from '../operation.ts';
import { preconditionFailed } from '../precondition.ts';

/** end-2, GET and HEAD: a blob, whole or the ranges asked for. */
export async function readBlob(operation: ReadBlob, context: RequestContext, deps: OciDeps): Promise<Reply> {
  const { name, repository, digest } = operation;
  const blob = await deps.registry.blobs.stat(repository, digest);
  // HEAD serves nothing: it is how a push finds out what it need not send again, which no veto on pulls should break.
  if (name === 'oci.GetBlob') {
    await deps.vetoes.beforeServe?.({ principal: context.principal, repository, kind: 'blob', digest });
  }
  const etag = entityTag(digest);
  const headers = {
    'docker-content-digest': digest,
    etag,
    'cache-control': CACHE_IMMUTABLE,
    'accept-ranges': 'bytes',
  };
  const outcome = evaluatePreconditions(context.head, { etag });
  if (outcome === 'not-modified') return { status: 304, headers };
  if (outcome === 'precondition-failed') throw preconditionFailed(digest);

  // Layers are what anyone pushed: no browser may take them for a page of this origin.
  const common = { ...headers, 'x-content-type-options': 'nosniff' };
  if (name === 'oci.GetBlob') {
    const ranges = requestedRanges(context, blob, etag);
    if (ranges !== undefined) return partialReply({ operation, context, deps, blob, ranges, common });
  }
  const full = {
    ...common,
    'content-type': MediaType.octetStream,
    'content-length': String(blob.sizeBytes),
  };
  if (name === 'oci.HeadBlob') return { status: 200, headers: full };
  const stream = await deps.registry.blobs.read(repository, digest, { signal: context.signal });
  return { status: 200, headers: full, body: { stream, sizeBytes: blob.sizeBytes } };
}

/** The ranges to send; undefined for the whole blob. Throws `range-unsatisfiable`. */
function requestedRanges(
  { head }: RequestContext,
  { digest, sizeBytes }: RepositoryBlob,
  etag: string,
): readonly [ByteRange, ...ByteRange[]] | undefined {
  const header = head.headers.range;
  if (typeof header !== 'string' || !isRangeApplicable(head, { etag })) return undefined;
  const range = parseRange(header, sizeBytes);
  switch (range.kind) {
    case 'none':
      return undefined;
    case 'ranges':
      return range.ranges;
    case 'unsatisfiable':
      throw new StoreError(
        'range-unsatisfiable',
        `the range "${header.slice(0, 80)}" is not part of a blob of ${sizeBytes} bytes`,
        {
          resource: digest,
          detail: { range: header.slice(0, 80), sizeBytes },
          headers: { 'content-range': unsatisfiedRange(sizeBytes), 'accept-ranges': 'bytes' },
        },
      );
  }
}

interface PartialRead {
  readonly operation: ReadBlob;
  readonly context: RequestContext;
  readonly deps: OciDeps;
  readonly blob: RepositoryBlob;
  readonly ranges: readonly [ByteRange, ...ByteRange[]];
  readonly common: Readonly<Record<string, string>>;
}

async function partialReply(partial: PartialRead): Promise<Reply> {
  const { operation, context, deps, blob, ranges, common } = partial;
  const read = (range: ByteRange) =>
    deps.registry.blobs.read(operation.repository, operation.digest, { range, signal: context.signal });
  if (ranges.length > 1) {
    const parts = multipartByteranges({
      ranges,
      sizeBytes: blob.sizeBytes,
      contentType: MediaType.octetStream,
      read,
    });
    return {
      status: 206,
      headers: { ...common, 'content-type': parts.contentType, 'content-length': String(parts.sizeBytes) },
      body: { stream: parts.stream, sizeBytes: parts.sizeBytes },
    };
  }
  const [range] = ranges;
  const sizeBytes = rangeLength(range);
  return {
    status: 206,
    headers: {
      ...common,
      'content-type': MediaType.octetStream,
      'content-length': String(sizeBytes),
      'content-range': contentRange(range, blob.sizeBytes),
    },
    body: { stream: await read(range), sizeBytes },
  };
}
