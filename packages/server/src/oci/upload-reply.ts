import { type Digest, isStoreError, type RepositoryName, StoreError } from '@zot-artifact-store/spec';
import type { Reply } from '../http/protocol.ts';
import type { Registry, UploadStatus } from '../registry/registry.ts';
import { blobLocation, uploadLocation } from './locations.ts';

/** The state of an upload session: where to send the next bytes, and the last byte received. */
export function uploadReply(status: number, repository: RepositoryName, upload: UploadStatus): Reply {
  return {
    status,
    headers: {
      ...positionHeaders(repository, upload),
      'blob-upload-uuid': upload.id,
      'docker-upload-uuid': upload.id,
    },
  };
}

/** A blob became part of the repository. */
export function blobCreatedReply(repository: RepositoryName, digest: Digest): Reply {
  return {
    status: 201,
    headers: { location: blobLocation(repository, digest), 'docker-content-digest': digest },
  };
}

/**
 * Gives an `upload-out-of-order` the session's true position, so that a client can go on without asking for it.
 * Rethrows whatever it is given.
 */
export async function rethrowWithPosition(
  error: unknown,
  registry: Registry,
  session: { readonly repository: RepositoryName; readonly id: string },
): Promise<never> {
  if (!isStoreError(error, 'upload-out-of-order')) throw error;
  const upload = await registry.uploads.status(session.repository, session.id);
  throw new StoreError(error.kind, error.message, {
    ...(error.resource === undefined ? {} : { resource: error.resource }),
    ...(error.detail === undefined ? {} : { detail: error.detail }),
    headers: { ...error.headers, ...positionHeaders(session.repository, upload) },
    cause: error,
  });
}

function positionHeaders(repository: RepositoryName, upload: UploadStatus) {
  return {
    location: uploadLocation(repository, upload.id),
    // Nothing yet and one byte look the same here; the spec's form leaves no other way, and zot answers so too.
    range: `0-${Math.max(0, upload.offsetBytes - 1)}`,
  };
}
