import {
  type Digest,
  isStoreError,
  type RepositoryName,
  StoreError,
  type Tag,
} from '@zot-artifact-store/spec';
import type { Principal } from '../extension/access.ts';
import type { Transaction } from '../metadata/transaction.ts';
import { registryKeys } from './keyspace.ts';
import { type ParsedManifest, parseManifest } from './manifest-parser.ts';
import { actorOf, manifestBytesOwner, manifestOwner, markMaybeEmpty, renewLease } from './membership.ts';
import { type ManifestRecord, manifestCodec, memberCodec, tagCodec } from './records.ts';
import type { RegistryContext } from './registry-context.ts';
import { manifestUnknown } from './repositories.ts';
import { decodeTagOf } from './row-keys.ts';

/** Tags deleted in one transaction; a manifest with more loses them in several, each of which leaves a valid state. */
const TAG_BATCH = 400;

export interface DeleteManifest {
  readonly repository: RepositoryName;
  readonly digest: Digest;
  readonly principal: Principal;
  /** Further conditions of the caller, asked in each attempt; false leaves everything as it is. */
  readonly onlyIf?: (transaction: Transaction, record: ManifestRecord) => Promise<boolean>;
}

/**
 * Deletes the manifest with its tags, referrer row, references and edges; what only it named stays in the repository
 * for another grace. False when `onlyIf` said no. Throws `manifest-unknown`, and `in-use` when an index of the
 * repository names the manifest.
 */
export async function deleteManifest(context: RegistryContext, request: DeleteManifest): Promise<boolean> {
  const { metadata, volumeFor } = context;
  const { repository, digest } = request;
  const { content } = volumeFor(repository);
  const parsed = await readParsed(context, repository, digest);
  for (;;) {
    const outcome = await content.transact([], async (transaction) => {
      transaction.mayUseReserve = true;
      const raw = await metadata.get(registryKeys.manifest(repository, digest));
      if (raw === undefined) throw await manifestUnknown(context, repository, digest);
      const record = manifestCodec.decode(raw);
      transaction.expectUnchanged(registryKeys.manifest(repository, digest), raw);
      await expectNoIndex(context, transaction, repository, digest);
      if (request.onlyIf !== undefined && !(await request.onlyIf(transaction, record))) return 'refused';
      const tags = await dropTags(context, transaction, repository, digest);
      if (tags.length > TAG_BATCH) {
        tellTagsDeleted(context, transaction, request, tags);
        return 'more';
      }
      transaction.delete(registryKeys.manifest(repository, digest));
      content.removeEdge(transaction, digest, manifestBytesOwner(repository));
      if (record.subject !== undefined) {
        transaction.delete(registryKeys.referrer(repository, record.subject, digest));
      }
      if (parsed !== undefined) await dropReferences(context, transaction, request, parsed);
      markMaybeEmpty(context, transaction, repository);
      context.events.write(transaction, {
        type: 'manifest.deleted',
        repository,
        digest,
        tags,
        ...actorOf(request.principal),
      });
      return 'done';
    });
    if (outcome !== 'more') return outcome === 'done';
  }
}

async function expectNoIndex(
  { metadata }: RegistryContext,
  transaction: Transaction,
  repository: RepositoryName,
  digest: Digest,
): Promise<void> {
  const prefix = registryKeys.references(repository, digest);
  if ((await metadata.scan({ prefix }, { limit: 1 })).length > 0) {
    throw new StoreError('in-use', `manifest ${digest} is part of an image index of ${repository}`, {
      resource: digest,
      detail: { repository, digest },
    });
  }
  transaction.expectEmpty(prefix);
}

/** At most TAG_BATCH tags go; a longer answer says that there are more. */
async function dropTags(
  { metadata }: RegistryContext,
  transaction: Transaction,
  repository: RepositoryName,
  digest: Digest,
): Promise<readonly Tag[]> {
  const rows = await metadata.scan(
    { prefix: registryKeys.tagsOf(repository, digest) },
    { limit: TAG_BATCH + 1 },
  );
  const tags = rows.map(({ key }) => decodeTagOf(key).tag);
  const dropped = tags.slice(0, TAG_BATCH);
  const values = await metadata.getMany(dropped.map((tag) => registryKeys.tag(repository, tag)));
  dropped.forEach((tag, index) => {
    const raw = values[index];
    transaction.expectUnchanged(registryKeys.tag(repository, tag), raw);
    transaction.delete(registryKeys.tagOf(repository, digest, tag));
    if (raw !== undefined && tagCodec.decode(raw).digest === digest) {
      transaction.delete(registryKeys.tag(repository, tag));
    }
  });
  return tags;
}

function tellTagsDeleted(
  { events }: RegistryContext,
  transaction: Transaction,
  { repository, digest, principal }: DeleteManifest,
  tags: readonly Tag[],
): void {
  for (const tag of tags.slice(0, TAG_BATCH)) {
    events.write(transaction, { type: 'tag.deleted', repository, tag, digest, ...actorOf(principal) });
  }
}

/** A lease from now, so that a client that was told of the blob while the manifest held it can still push. */
async function dropReferences(
  context: RegistryContext,
  transaction: Transaction,
  { repository, digest }: DeleteManifest,
  { blobs, optional }: ParsedManifest,
): Promise<void> {
  const { metadata, volumeFor } = context;
  const { content } = volumeFor(repository);
  const named = [...blobs.keys(), ...optional.keys()];
  const members = await metadata.getMany(named.map((blob) => registryKeys.member(repository, blob)));
  for (const blob of blobs.keys()) content.removeEdge(transaction, blob, manifestOwner(repository, digest));
  for (const blob of named) transaction.delete(registryKeys.reference(repository, blob, digest));
  named.forEach((blob, index) => {
    const raw = members[index];
    if (raw === undefined) return;
    renewLease(context, transaction, {
      repository,
      digest: blob,
      sizeBytes: memberCodec.decode(raw).sizeBytes,
      raw,
    });
  });
}

/**
 * What the manifest names. A manifest whose bytes are lost or altered can be deleted all the same: the edges it leaves
 * behind keep blobs too long and never too short, and a check of the store finds them.
 */
async function readParsed(
  context: RegistryContext,
  repository: RepositoryName,
  digest: Digest,
): Promise<ParsedManifest | undefined> {
  const { metadata, volumeFor, limits, log } = context;
  const raw = await metadata.get(registryKeys.manifest(repository, digest));
  if (raw === undefined) throw await manifestUnknown(context, repository, digest);
  const { mediaType, sizeBytes } = manifestCodec.decode(raw);
  try {
    const limit = Math.max(sizeBytes, limits.manifestMaxBytes);
    return parseManifest(await volumeFor(repository).content.readWhole(digest, limit), mediaType);
  } catch (error) {
    if (
      !isStoreError(error, 'blob-corrupt') &&
      !isStoreError(error, 'blob-unknown') &&
      !isStoreError(error, 'manifest-invalid')
    ) {
      throw error;
    }
    log.warn({ repository, digest, err: error }, 'deleting a manifest that cannot be read; its edges stay');
    return undefined;
  }
}
