import { type Digest, isStoreError, type RepositoryName, StoreError } from '@zot-artifact-store/spec';
import type { Principal } from '../extension/access.ts';
import { transact } from '../metadata/transaction.ts';
import { registryKeys } from './keyspace.ts';
import {
  actorOf,
  blobUnknown,
  expectUnreferenced,
  findReference,
  joinRepository,
  readMember,
  removeMember,
  renewLease,
  requireMember,
  type StoredMember,
} from './membership.ts';
import type { Blobs } from './registry.ts';
import type { RegistryContext } from './registry-context.ts';
import { decodeRepositoryEdge } from './row-keys.ts';
import { scanAll } from './scan-all.ts';

/** Repositories asked about when a mount names no source: each costs a question to the authorisers. */
const MAX_MOUNT_SOURCES = 1_000;

export function createBlobs(context: RegistryContext): Blobs {
  const { volumeFor, vetoes, events } = context;

  return {
    async stat(repository, digest) {
      const member = await requireMember(context, repository, digest);
      // One that is known to be damaged counts as missing, so that the client uploads, and thereby repairs, it.
      const sound = await volumeFor(repository).content.stat(digest);
      if (sound === undefined) throw blobUnknown(repository, digest);
      await keepAlive(context, repository, digest, member);
      return { digest, sizeBytes: member.record.sizeBytes };
    },

    async read(repository, digest, options) {
      await requireMember(context, repository, digest);
      return volumeFor(repository).content.read(digest, options);
    },

    async mount({ repository, digest, from, principal, mayRead }) {
      const source =
        from === undefined
          ? await findSource(context, repository, digest, mayRead)
          : (await mayRead(from)) && sharesVolume(context, from, repository)
            ? from
            : undefined;
      if (source === undefined) return false;
      const found = await readMember(context, source, digest);
      if (found === undefined || (await volumeFor(source).content.stat(digest)) === undefined) return false;
      await vetoes.beforeIngest?.({ principal, repository, declaredBytes: found.record.sizeBytes });
      return mountFrom(context, { source, repository, digest, principal });
    },

    async delete(repository, digest, principal) {
      await requireMember(context, repository, digest);
      await vetoes.beforeDelete?.({ principal, repository, kind: 'blob', reference: digest });
      await volumeFor(repository).content.transact([], async (transaction) => {
        transaction.mayUseReserve = true;
        const member = await requireMember(context, repository, digest);
        if ((await findReference(context, repository, digest)) !== undefined) throw inUse(repository, digest);
        expectUnreferenced(context, transaction, repository, digest);
        removeMember(context, transaction, repository, digest, member);
        events.write(transaction, { type: 'blob.deleted', repository, digest, ...actorOf(principal) });
      });
    },
  };
}

/**
 * A lease with less than half of its grace left is renewed, unless a manifest holds the blob anyway (whose deletion
 * renews it). A store that cannot write still answers.
 */
async function keepAlive(
  context: RegistryContext,
  repository: RepositoryName,
  digest: Digest,
  { record }: StoredMember,
): Promise<void> {
  const { metadata, clock, volumeFor, log } = context;
  const enoughMs = volumeFor(repository).graceMs / 2;
  if (record.leaseUntilMs - clock.now() >= enoughMs) return;
  if ((await findReference(context, repository, digest)) !== undefined) return;
  try {
    await transact(metadata, async (transaction) => {
      const member = await requireMember(context, repository, digest);
      if (member.record.leaseUntilMs - clock.now() >= enoughMs) return;
      const { sizeBytes } = member.record;
      renewLease(context, transaction, { repository, digest, sizeBytes, raw: member.raw });
    });
  } catch (error) {
    if (!isStoreError(error, 'storage-full') && !isStoreError(error, 'unavailable')) throw error;
    log.warn({ repository, digest, err: error }, 'the lease of a blob was not renewed');
  }
}

function sharesVolume({ volumeFor }: RegistryContext, a: RepositoryName, b: RepositoryName): boolean {
  return volumeFor(a).content === volumeFor(b).content;
}

/** The first repository of the volume that has the blob and may be read; the target itself is asked first. */
async function findSource(
  context: RegistryContext,
  repository: RepositoryName,
  digest: Digest,
  mayRead: (repository: RepositoryName) => Promise<boolean>,
): Promise<RepositoryName | undefined> {
  if ((await readMember(context, repository, digest)) !== undefined && (await mayRead(repository))) {
    return repository;
  }
  const prefix = context.volumeFor(repository).content.edgePrefix(digest, ['repository']);
  let asked = 0;
  for await (const { key } of scanAll(context.metadata, { prefix }, { pageSize: 50 })) {
    const name = decodeRepositoryEdge(key);
    if (await mayRead(name)) return name;
    if (++asked >= MAX_MOUNT_SOURCES) break;
  }
  return undefined;
}

function mountFrom(
  context: RegistryContext,
  mount: {
    readonly source: RepositoryName;
    readonly repository: RepositoryName;
    readonly digest: Digest;
    readonly principal: Principal;
  },
): Promise<boolean> {
  const { source, repository, digest, principal } = mount;
  return context.volumeFor(repository).content.transact([], async (transaction) => {
    const member = await readMember(context, source, digest);
    if (member === undefined) return false;
    const { sizeBytes } = member.record;
    if (source !== repository) transaction.expectPresent(registryKeys.member(source, digest));
    await joinRepository(context, transaction, { repository, digest, sizeBytes, principal });
    return true;
  });
}

function inUse(repository: RepositoryName, digest: Digest): StoreError {
  return new StoreError('in-use', `a manifest of ${repository} needs blob ${digest}`, {
    resource: digest,
    detail: { repository, digest },
  });
}
