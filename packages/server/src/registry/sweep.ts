import { isStoreError, type RepositoryName } from '@zot-artifact-store/spec';
import type { Key } from '../metadata/metadata-store.ts';
import { transact } from '../metadata/transaction.ts';
import { registryKeys } from './keyspace.ts';
import { expectUnreferenced, findReference, readMember, removeMember } from './membership.ts';
import { PRESENT, uploadCodec } from './records.ts';
import type { RegistryContext } from './registry-context.ts';
import { decodeMemberDue, decodeRepository, decodeUploadDue } from './row-keys.ts';
import { scanAll } from './scan-all.ts';
import { dropUpload, putUpload } from './upload-session.ts';

const FORGOTTEN_AT_ONCE = 500;

/** Background work of the registry. Each may run beside live traffic, and beside itself; each returns what it removed. */
export interface RegistrySweep {
  /**
   * Blobs whose lease is over and that no manifest of their repository names leave the repository; only in the
   * repositories `includes` says when it is given.
   */
  sweepMemberships(signal: AbortSignal, includes?: (repository: RepositoryName) => boolean): Promise<number>;
  /** Uploads nobody touched for their time to live end, with their bytes. */
  expireUploads(signal: AbortSignal): Promise<number>;
  /** Repositories without manifests, blobs and uploads go. */
  dropEmptyRepositories(signal: AbortSignal): Promise<number>;
}

export function createSweep(context: RegistryContext): RegistrySweep {
  const { metadata, clock } = context;

  async function count(
    range: { readonly from: Key; readonly to: Key } | { readonly prefix: Key },
    signal: AbortSignal,
    sweepOne: (key: Key, value: Uint8Array) => Promise<boolean>,
  ): Promise<number> {
    let removed = 0;
    for await (const { key, value } of scanAll(metadata, range, { signal })) {
      signal.throwIfAborted();
      try {
        if (await sweepOne(key, value)) removed++;
      } catch (error) {
        // Too much traffic on this one row: it is looked at again next time.
        if (!isStoreError(error, 'conflict')) throw error;
      }
    }
    return removed;
  }

  return {
    sweepMemberships: (signal, includes = () => true) =>
      count(
        { from: registryKeys.membersDue(), to: registryKeys.membersDueBefore(clock.now() + 1) },
        signal,
        async (key) => includes(decodeMemberDue(key).repository) && sweepMember(context, key),
      ),
    async expireUploads(signal) {
      const expired = await count(
        { from: registryKeys.uploadsDue(), to: registryKeys.uploadsDueBefore(clock.now() + 1) },
        signal,
        (key) => expireUpload(context, key),
      );
      await forgetEndedUploads(context, signal);
      return expired;
    },
    dropEmptyRepositories: (signal) =>
      count({ prefix: registryKeys.allMaybeEmpty() }, signal, (key, value) =>
        dropIfEmpty(context, decodeRepository(key), value),
      ),
  };
}

/**
 * The due row goes without the member when a manifest names the blob: its deletion writes a new one. That the row which
 * names it is still there is checked, or a deletion in between would leave a member that is never looked at again.
 */
async function sweepMember(context: RegistryContext, dueKey: Key): Promise<boolean> {
  const { clock, volumeFor } = context;
  const { dueAtMs, repository, digest } = decodeMemberDue(dueKey);
  return volumeFor(repository).content.transact([], async (transaction) => {
    transaction.mayUseReserve = true;
    const member = await readMember(context, repository, digest);
    if (member === undefined || member.record.leaseUntilMs !== dueAtMs) {
      transaction.expectUnchanged(registryKeys.member(repository, digest), member?.raw);
      transaction.delete(dueKey);
      return false;
    }
    if (member.record.leaseUntilMs > clock.now()) return false;
    const reference = await findReference(context, repository, digest);
    if (reference !== undefined) {
      transaction.expectPresent(reference);
      transaction.expectUnchanged(registryKeys.member(repository, digest), member.raw);
      transaction.delete(dueKey);
      return false;
    }
    expectUnreferenced(context, transaction, repository, digest);
    removeMember(context, transaction, repository, digest, member);
    return true;
  });
}

/** An id that has expired needs no row any more that says it is over. */
async function forgetEndedUploads(
  { metadata, clock, limits }: RegistryContext,
  signal: AbortSignal,
): Promise<void> {
  const range = {
    from: registryKeys.uploadsOver(),
    to: registryKeys.uploadsOverBefore(clock.now() - limits.uploadTtlMs),
  };
  for (;;) {
    signal.throwIfAborted();
    const keys = await metadata.scanKeys(range, { limit: FORGOTTEN_AT_ONCE });
    if (keys.length > 0) await metadata.commit({ deletes: keys });
    if (keys.length < FORGOTTEN_AT_ONCE) return;
  }
}

async function expireUpload(context: RegistryContext, dueKey: Key): Promise<boolean> {
  const { metadata, clock } = context;
  const { repository, id } = decodeUploadDue(dueKey);
  const now = clock.now();
  const place = { repository, id };
  if (await dropUpload(context, place, ({ expiresAtMs }) => expiresAtMs <= now)) return true;
  const key = registryKeys.upload(repository, id);
  await transact(metadata, async (transaction) => {
    transaction.mayUseReserve = true;
    const raw = await metadata.get(key);
    transaction.expectUnchanged(key, raw);
    transaction.delete(dueKey);
    if (raw === undefined) return;
    const record = uploadCodec.decode(raw);
    const dueAtMs = record.expiresAtMs;
    putUpload(transaction, { ...place, raw }, { ...record, dueAtMs });
    transaction.put(registryKeys.uploadDue(dueAtMs, repository, id), PRESENT);
  });
  return false;
}

/**
 * Everything that fills a repository checks its row in the same transaction, so either this or that comes first. The
 * mark is deleted only as it was read: one that was written meanwhile is another deletion's, to be looked at again.
 */
async function dropIfEmpty(
  { metadata }: RegistryContext,
  repository: RepositoryName,
  mark: Uint8Array,
): Promise<boolean> {
  const rowKey = registryKeys.repository(repository);
  const prefixes = [
    registryKeys.manifests(repository),
    registryKeys.members(repository),
    registryKeys.uploads(repository),
  ];
  return transact(metadata, async (transaction) => {
    const current = await metadata.get(registryKeys.maybeEmpty(repository));
    if (current === undefined || Buffer.compare(current, mark) !== 0) return false;
    transaction.expectUnchanged(registryKeys.maybeEmpty(repository), mark);
    const [raw, ...found] = await Promise.all([
      metadata.get(rowKey),
      ...prefixes.map((prefix) => metadata.scan({ prefix }, { limit: 1 })),
    ]);
    const held = found.findIndex((rows) => rows.length > 0);
    // An open upload may end without filling the repository and without a mark: the mark waits for it.
    if (held === 2) return false;
    transaction.delete(registryKeys.maybeEmpty(repository));
    if (held >= 0 || raw === undefined) return false;
    transaction.expectUnchanged(rowKey, raw);
    for (const prefix of prefixes) transaction.expectEmpty(prefix);
    transaction.delete(rowKey);
    return true;
  });
}
