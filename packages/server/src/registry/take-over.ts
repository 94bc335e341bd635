import type { Digest, RepositoryName } from '@zot-artifact-store/spec';
import type { OutsideFile } from '../content/content-store.ts';
import type { Principal } from '../extension/access.ts';
import { joinRepository, requireMember } from './membership.ts';
import type { RepositoryBlob } from './registry.ts';
import type { RegistryContext } from './registry-context.ts';

export interface TakeOver {
  readonly repository: RepositoryName;
  /** What the file must hold. */
  readonly digest: Digest;
  readonly file: OutsideFile;
  /** Whether the store may share its bytes with the file by a hard link. */
  readonly mayLink: boolean;
  readonly principal: Principal;
  readonly signal?: AbortSignal;
}

/**
 * Makes the content of a local file a blob of the repository, as an upload would; the file stays where it is. Throws
 * `digest-mismatch` and `size-invalid` when it holds something else, `body-too-large`, and what a veto says.
 */
export async function takeOver(
  context: RegistryContext,
  { repository, digest, file, mayLink, principal, signal }: TakeOver,
): Promise<RepositoryBlob & { readonly linked: boolean }> {
  const { vetoes, limits, volumeFor } = context;
  await vetoes.beforeIngest?.({ principal, repository, declaredBytes: file.sizeBytes });
  const { content } = volumeFor(repository);
  const { prepared, linked } = await content.takeOver(file, {
    expected: digest,
    mayLink,
    ...(limits.maxBlobBytes === undefined ? {} : { maxBytes: limits.maxBlobBytes }),
    ...(signal === undefined ? {} : { signal }),
  });
  const { sizeBytes } = prepared;
  await content.transact([prepared], async (transaction) => {
    await joinRepository(context, transaction, { repository, digest, sizeBytes, principal });
  });
  return { digest, sizeBytes, linked };
}

/**
 * Makes the new file `path` share its bytes with a blob of the repository, or hold a copy where the filesystem refuses
 * a link. Undefined when the blob is not one local file. Throws `blob-corrupt`, and `blob-unknown` as `Blobs.read`.
 */
export async function linkOut(
  context: RegistryContext,
  {
    repository,
    digest,
    path,
  }: { readonly repository: RepositoryName; readonly digest: Digest; readonly path: string },
): Promise<{ readonly linked: boolean } | undefined> {
  await requireMember(context, repository, digest);
  return context.volumeFor(repository).content.linkOut(digest, path);
}
