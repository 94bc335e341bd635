import { type FsckOwners, type FsckProblem, type FsckReport, fsck, MAX_LISTED } from '../content/fsck.ts';
import { createS3Owners } from '../extensions/s3/store/owners.ts';
import type { RegistryProblemKind } from '../registry/verify.ts';
import type { Stores, Volume } from './open-stores.ts';

/** What is wrong with the bytes of a volume or with what its repositories say of them. */
export interface CheckReport extends Omit<FsckReport, 'errors' | 'notes'> {
  readonly errors: readonly FsckProblem<string>[];
  readonly notes: readonly FsckProblem<string>[];
}

/** Rows that lead to what is gone: nobody misses anything, but blobs may be kept for longer than they are needed. */
const LEFTOVERS: ReadonlySet<RegistryProblemKind> = new Set([
  'tag-reverse-stale',
  'referrer-stale',
  'reference-stale',
]);

/** Checks records, edges and objects against each other, then the tables of the registry; writes nothing. */
export async function checkVolume(
  { metadata, registry, volumeOf }: Pick<Stores, 'metadata' | 'registry' | 'volumeOf'>,
  volume: Volume,
  { signal }: { readonly signal: AbortSignal },
): Promise<CheckReport> {
  const { driver, content } = volume;
  const owners = allOwners(
    registry.owners(content.volume),
    ...(isMain(volume) ? [createS3Owners(metadata)] : []),
  );
  const report = await fsck({ metadata, driver, volume: content.volume, owners, signal });
  const errors: FsckProblem<string>[] = [...report.errors];
  const notes: FsckProblem<string>[] = [...report.notes];
  let { errorCount, noteCount } = report;
  for await (const { kind, repository, detail } of registry.verify(signal)) {
    if (volumeOf(repository) !== volume) continue;
    const isNote = LEFTOVERS.has(kind);
    if (isNote) noteCount += 1;
    else errorCount += 1;
    const list = isNote ? notes : errors;
    if (list.length < MAX_LISTED) list.push({ kind, detail: `${repository}: ${detail}` });
  }
  return { ...report, errors, errorCount, notes, noteCount };
}

/** Buckets and their objects are in the main volume. */
function isMain({ content }: Volume): boolean {
  return content.volume === '';
}

function allOwners(...all: readonly FsckOwners[]): FsckOwners {
  return {
    async *expected() {
      for (const owners of all) yield* owners.expected();
    },
    async holds(digest, owner) {
      for (const owners of all) if (await owners.holds(digest, owner)) return true;
      return false;
    },
  };
}
