import { type Digest, type RepositoryName, StoreError } from '@zot-artifact-store/spec';
import type { EdgeOwner } from '../content/content-store.ts';
import type { Principal } from '../extension/access.ts';
import type { Key } from '../metadata/metadata-store.ts';
import type { Transaction } from '../metadata/transaction.ts';
import { registryKeys } from './keyspace.ts';
import { type MemberRecord, markCodec, memberCodec, PRESENT, repositoryCodec } from './records.ts';
import type { RegistryContext } from './registry-context.ts';

/*
 * The member row alone says whether a blob is part of a repository, and it holds the blob in the store by the edge
 * ['repository', name]. It goes only when its lease is over and no manifest of the repository names the blob; both are
 * checked in the transaction that deletes it, and a manifest put checks in its own that the row is there. So a client
 * that was told of a blob finds it when it pushes the manifest.
 *
 * Invariant: a member whose lease still has to be looked at has one due row, at the end of its lease.
 */

export interface StoredMember {
  readonly raw: Uint8Array;
  readonly record: MemberRecord;
}

export function memberOwner(repository: RepositoryName): EdgeOwner {
  return ['repository', repository];
}

/** Who holds the config and the layers of a manifest, next to the repository itself. */
export function manifestOwner(repository: RepositoryName, manifest: Digest): EdgeOwner {
  return ['manifest', repository, { digest: manifest }];
}

/** Who holds the bytes of a manifest. */
export function manifestBytesOwner(repository: RepositoryName): EdgeOwner {
  return ['manifest-of', repository];
}

export function actorOf(principal: Principal): { readonly actor?: string } {
  return principal.kind === 'user' ? { actor: principal.name } : {};
}

export async function readMember(
  { metadata }: RegistryContext,
  repository: RepositoryName,
  digest: Digest,
): Promise<StoredMember | undefined> {
  const raw = await metadata.get(registryKeys.member(repository, digest));
  return raw === undefined ? undefined : { raw, record: memberCodec.decode(raw) };
}

export function blobUnknown(repository: RepositoryName, digest: Digest): StoreError {
  return new StoreError('blob-unknown', `repository ${repository} has no blob ${digest}`, {
    resource: digest,
    detail: { repository, digest },
  });
}

export async function requireMember(
  context: RegistryContext,
  repository: RepositoryName,
  digest: Digest,
): Promise<StoredMember> {
  const member = await readMember(context, repository, digest);
  if (member === undefined) throw blobUnknown(repository, digest);
  return member;
}

/** Makes the repository exist when the transaction commits, and keeps it from being dropped meanwhile. */
export function ensureRepository(
  { clock, events }: RegistryContext,
  transaction: Transaction,
  repository: RepositoryName,
  { found, principal }: { readonly found: Uint8Array | undefined; readonly principal: Principal },
): void {
  const key = registryKeys.repository(repository);
  if (found !== undefined) {
    transaction.expectPresent(key);
    return;
  }
  transaction.expectAbsent(key);
  transaction.put(key, repositoryCodec.encode({ createdAtMs: clock.now() }));
  events.write(transaction, { type: 'repository.created', repository, ...actorOf(principal) });
}

/** Makes a blob part of a repository, which is created when it is not there, with a new lease, and says so. */
export async function joinRepository(
  context: RegistryContext,
  transaction: Transaction,
  blob: {
    readonly repository: RepositoryName;
    readonly digest: Digest;
    readonly sizeBytes: number;
    readonly principal: Principal;
  },
): Promise<void> {
  const { repository, digest, sizeBytes, principal } = blob;
  const [found, raw] = await context.metadata.getMany([
    registryKeys.repository(repository),
    registryKeys.member(repository, digest),
  ]);
  ensureRepository(context, transaction, repository, { found, principal });
  renewLease(context, transaction, { repository, digest, sizeBytes, raw });
  context.volumeFor(repository).content.addEdge(transaction, digest, memberOwner(repository));
  context.events.write(transaction, {
    type: 'blob.pushed',
    repository,
    digest,
    sizeBytes,
    ...actorOf(principal),
  });
}

/** Gives a member row, as it was read or not yet there, a lease of the whole grace from now. */
export function renewLease(
  { clock, volumeFor }: RegistryContext,
  transaction: Transaction,
  member: {
    readonly repository: RepositoryName;
    readonly digest: Digest;
    readonly sizeBytes: number;
    readonly raw: Uint8Array | undefined;
  },
): void {
  const { repository, digest, sizeBytes, raw } = member;
  const key = registryKeys.member(repository, digest);
  transaction.expectUnchanged(key, raw);
  let leaseUntilMs = clock.now() + volumeFor(repository).graceMs;
  if (raw !== undefined) {
    const before = memberCodec.decode(raw).leaseUntilMs;
    transaction.delete(registryKeys.memberDue(before, repository, digest));
    leaseUntilMs = Math.max(leaseUntilMs, before);
  }
  transaction.put(key, memberCodec.encode({ sizeBytes, leaseUntilMs }));
  transaction.put(registryKeys.memberDue(leaseUntilMs, repository, digest), PRESENT);
}

/** Takes the blob out of the repository. The caller has made sure that no manifest names it. */
export function removeMember(
  context: RegistryContext,
  transaction: Transaction,
  repository: RepositoryName,
  digest: Digest,
  { raw, record }: StoredMember,
): void {
  transaction.expectUnchanged(registryKeys.member(repository, digest), raw);
  transaction.delete(registryKeys.member(repository, digest));
  transaction.delete(registryKeys.memberDue(record.leaseUntilMs, repository, digest));
  context.volumeFor(repository).content.removeEdge(transaction, digest, memberOwner(repository));
  markMaybeEmpty(context, transaction, repository);
}

export function markMaybeEmpty(
  { newId }: RegistryContext,
  transaction: Transaction,
  repository: RepositoryName,
): void {
  transaction.put(registryKeys.maybeEmpty(repository), markCodec.encode(newId()));
}

/** The key of a row that says that a manifest of the repository names the digest. */
export async function findReference(
  { metadata, volumeFor }: RegistryContext,
  repository: RepositoryName,
  digest: Digest,
): Promise<Key | undefined> {
  for (const prefix of referencePrefixes(volumeFor(repository).content, repository, digest)) {
    const [row] = await metadata.scan({ prefix }, { limit: 1 });
    if (row !== undefined) return row.key;
  }
  return undefined;
}

export function expectUnreferenced(
  { volumeFor }: RegistryContext,
  transaction: Transaction,
  repository: RepositoryName,
  digest: Digest,
): void {
  for (const prefix of referencePrefixes(volumeFor(repository).content, repository, digest)) {
    transaction.expectEmpty(prefix);
  }
}

function referencePrefixes(
  content: { edgePrefix(digest: Digest, owner: readonly [string, string]): Uint8Array },
  repository: RepositoryName,
  digest: Digest,
): readonly Key[] {
  return [content.edgePrefix(digest, ['manifest', repository]), registryKeys.references(repository, digest)];
}
