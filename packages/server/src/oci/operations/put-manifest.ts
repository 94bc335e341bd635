import { isStoreError, MediaType, StoreError } from '@zot-artifact-store/spec';
import type { Reply, RequestContext, RequestHead } from '../../http/protocol.ts';
import type { OciDeps } from '../deps.ts';
import { manifestLocation } from '../locations.ts';
import type { PutManifest } from '../operation.ts';
import { manifestCondition } from '../precondition.ts';
import { warning } from '../warning.ts';

const OCI_TYPES: readonly string[] = [MediaType.imageManifest, MediaType.imageIndex];
const DOCKER_TYPES: readonly string[] = [MediaType.dockerManifest, MediaType.dockerManifestList];

/** end-7a, end-7b: stores a manifest byte-exact, with all its tags in one step. */
export async function putManifest(
  { repository, reference, tags }: PutManifest,
  context: RequestContext,
  { registry, compat, limits }: OciDeps,
): Promise<Reply> {
  const mediaType = manifestMediaType(context.head, compat.docker2s2);
  const condition = manifestCondition(context.head);
  const bytes = await collectManifest(context, limits.manifestMaxBytes);
  const put = await registry.manifests.put({
    repository,
    reference,
    tags,
    mediaType,
    bytes,
    ...(condition === undefined ? {} : { condition }),
    principal: context.principal,
  });
  return {
    status: 201,
    headers: {
      location: manifestLocation(repository, put.digest),
      'docker-content-digest': put.digest,
      etag: `"${put.digest}"`,
      ...(put.subject === undefined ? {} : { 'oci-subject': put.subject }),
      // "MUST include an OCI-Tag response header [...] for each accepted tag"; one header each, which every client reads.
      ...(tags.length === 0 ? {} : { 'oci-tag': tags.map(String) }),
      ...(DOCKER_TYPES.includes(mediaType)
        ? {
            warning: warning(
              'docker schema 2 manifests are accepted for compatibility; OCI manifests are preferred',
            ),
          }
        : {}),
    },
  };
}

/** `Content-Type` without parameters, which "the registry SHOULD ignore". Throws `media-type-unsupported`. */
function manifestMediaType(head: RequestHead, isDockerAccepted: boolean): string {
  const header = head.headers['content-type'] ?? '';
  const mediaType = header.toString().split(';', 1)[0]?.trim().toLowerCase() ?? '';
  const supported = isDockerAccepted ? [...OCI_TYPES, ...DOCKER_TYPES] : OCI_TYPES;
  if (supported.includes(mediaType)) return mediaType;
  throw new StoreError(
    'media-type-unsupported',
    mediaType === ''
      ? 'a manifest needs its media type as Content-Type'
      : `"${mediaType.slice(0, 120)}" is not a manifest type of this registry`,
    { resource: mediaType.slice(0, 120), detail: { supported } },
  );
}

async function collectManifest({ body }: RequestContext, limitBytes: number): Promise<Buffer> {
  if (body.declaredBytes !== undefined && body.declaredBytes > limitBytes) throw tooLarge(limitBytes);
  try {
    return await body.collect(limitBytes);
  } catch (error) {
    if (isStoreError(error, 'body-too-large')) throw tooLarge(limitBytes, error);
    throw error;
  }
}

function tooLarge(limitBytes: number, cause?: unknown): StoreError {
  return new StoreError('manifest-too-large', `a manifest may have ${limitBytes} bytes at most`, {
    detail: { limitBytes },
    ...(cause === undefined ? {} : { cause }),
  });
}
