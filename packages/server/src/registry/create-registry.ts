import type { StagedId } from '../content/blob-driver.ts';
import { createBlobs } from './blobs.ts';
import { registryKeys } from './keyspace.ts';
import { createManifests } from './manifests.ts';
import { createOwners, type RegistryOwners } from './owners.ts';
import { createReferrers } from './referrers.ts';
import type { Registry } from './registry.ts';
import type { RegistryContext } from './registry-context.ts';
import { type RemoveUntagged, removeUntagged } from './remove-untagged.ts';
import { createRepositories } from './repositories.ts';
import { createSweep, type RegistrySweep } from './sweep.ts';
import { createTags } from './tags.ts';
import { linkOut, type TakeOver, takeOver } from './take-over.ts';
import { createUploads } from './uploads.ts';
import { type RegistryProblem, verifyRegistry } from './verify.ts';

/** The registry, and what only the server itself does with it. */
export interface OwnRegistry extends Registry {
  readonly sweep: RegistrySweep;
  removeUntagged(options: RemoveUntagged, signal: AbortSignal): Promise<number>;
  /** See take-over.ts. */
  takeOver(blob: TakeOver): ReturnType<typeof takeOver>;
  linkOut(blob: Parameters<typeof linkOut>[1]): ReturnType<typeof linkOut>;
  /** For the check of a volume's edges. */
  owners(volume: string): RegistryOwners;
  verify(signal: AbortSignal): AsyncIterable<RegistryProblem>;
  /** Whether an upload session needs the staged object; the orphan sweep asks. */
  isStagedClaimed(id: StagedId): Promise<boolean>;
}

export function createRegistry(context: RegistryContext): OwnRegistry {
  return {
    repositories: createRepositories(context),
    manifests: createManifests(context),
    tags: createTags(context),
    blobs: createBlobs(context),
    uploads: createUploads(context),
    referrers: createReferrers(context),
    sweep: createSweep(context),
    removeUntagged: (options, signal) => removeUntagged(context, options, signal),
    takeOver: (blob) => takeOver(context, blob),
    linkOut: (blob) => linkOut(context, blob),
    owners: (volume) => createOwners(context, volume),
    verify: (signal) => verifyRegistry(context, signal),
    isStagedClaimed: async (id) => (await context.metadata.get(registryKeys.claim(id))) !== undefined,
  };
}
