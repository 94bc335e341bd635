import type { Digest, RepositoryName } from '@zot-artifact-store/spec';
import { isStoreError } from '@zot-artifact-store/spec';
import type { Transaction } from '../metadata/transaction.ts';
import { registryKeys } from './keyspace.ts';
import { deleteManifest } from './manifest-delete.ts';
import { type ManifestRecord, manifestCodec } from './records.ts';
import type { RegistryContext } from './registry-context.ts';
import { decodeRepositoryAndDigest } from './row-keys.ts';
import { scanAll } from './scan-all.ts';

export interface RemoveUntagged {
  /** A manifest pushed later than this ago stays. */
  readonly delayMs: number;
  /** Which repositories; all when undefined. */
  readonly includes?: (repository: RepositoryName) => boolean;
  /** Counts without deleting. */
  readonly dryRun?: boolean;
  readonly onRemove?: (removed: { readonly repository: RepositoryName; readonly digest: Digest }) => void;
}

/**
 * Deletes manifests that nothing leads to: without a tag, in no index of the repository, and without a subject that is
 * there. Off unless an operator asks for it. A manifest that its removal makes superfluous goes in the next run.
 * Returns how many went; a veto keeps a manifest.
 */
export async function removeUntagged(
  context: RegistryContext,
  { delayMs, includes, dryRun = false, onRemove }: RemoveUntagged,
  signal: AbortSignal,
): Promise<number> {
  const { metadata, clock, vetoes } = context;
  let removed = 0;
  for await (const { key, value } of scanAll(metadata, { prefix: registryKeys.allManifests() }, { signal })) {
    signal.throwIfAborted();
    const { repository, digest } = decodeRepositoryAndDigest(key);
    const record = manifestCodec.decode(value);
    if (includes !== undefined && !includes(repository)) continue;
    const isOld = ({ pushedAtMs }: ManifestRecord) => clock.now() - pushedAtMs >= delayMs;
    const place = { repository, digest };
    if (!isOld(record) || !(await isLoose(context, place, record))) continue;
    const principal = { kind: 'anonymous' } as const;
    try {
      if (!dryRun) {
        await vetoes.beforeDelete?.({ principal, repository, kind: 'manifest', reference: digest });
        const onlyIf = async (transaction: Transaction, now: ManifestRecord) =>
          isOld(now) && (await isLoose(context, place, now, transaction));
        if (!(await deleteManifest(context, { ...place, principal, onlyIf }))) continue;
      }
    } catch (error) {
      if (!isRefusal(error)) throw error;
      continue;
    }
    onRemove?.(place);
    removed++;
  }
  return removed;
}

/** With a transaction, what was found is checked again when it commits. */
async function isLoose(
  { metadata }: RegistryContext,
  { repository, digest }: { readonly repository: RepositoryName; readonly digest: Digest },
  { subject }: ManifestRecord,
  transaction?: Transaction,
): Promise<boolean> {
  for (const prefix of [
    registryKeys.tagsOf(repository, digest),
    registryKeys.references(repository, digest),
  ]) {
    if ((await metadata.scan({ prefix }, { limit: 1 })).length > 0) return false;
    transaction?.expectEmpty(prefix);
  }
  if (subject === undefined) return true;
  const subjectKey = registryKeys.manifest(repository, subject);
  if ((await metadata.get(subjectKey)) !== undefined) return false;
  transaction?.expectAbsent(subjectKey);
  return true;
}

/** Somebody was faster, or a veto or an index keeps the manifest. */
function isRefusal(error: unknown): boolean {
  return (
    isStoreError(error, 'manifest-unknown') ||
    isStoreError(error, 'repository-unknown') ||
    isStoreError(error, 'in-use') ||
    isStoreError(error, 'denied') ||
    isStoreError(error, 'precondition-failed') ||
    isStoreError(error, 'conflict')
  );
}
