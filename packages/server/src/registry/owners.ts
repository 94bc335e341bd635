import {
  type Digest,
  isStoreError,
  parseRepositoryName,
  type RepositoryName,
} from '@zot-artifact-store/spec';
import type { EdgeOwner } from '../content/content-store.ts';
import { registryKeys } from './keyspace.ts';
import { type ParsedManifest, parseManifest } from './manifest-parser.ts';
import { manifestBytesOwner, manifestOwner, memberOwner } from './membership.ts';
import { type ManifestRecord, manifestCodec } from './records.ts';
import type { RegistryContext } from './registry-context.ts';
import { decodeRepositoryAndDigest } from './row-keys.ts';
import { scanAll } from './scan-all.ts';

/** What the registry says about edges, so that a check of the store can compare both ways. */
export interface RegistryOwners {
  /** Every edge of the volume that must exist. */
  expected(): AsyncIterable<{ readonly digest: Digest; readonly owner: EdgeOwner }>;
  /** Whether the owner exists and needs the blob; false for owners that are not the registry's. */
  holds(digest: Digest, owner: EdgeOwner): Promise<boolean>;
}

/** `volume` is the name of a content store (`ContentStore.volume`). */
export function createOwners(context: RegistryContext, volume: string): RegistryOwners {
  const { metadata, volumeFor } = context;
  const isHere = (repository: RepositoryName) => volumeFor(repository).content.volume === volume;

  async function* expected() {
    for await (const { key } of scanAll(metadata, { prefix: registryKeys.allMembers() })) {
      const { repository, digest } = decodeRepositoryAndDigest(key);
      if (isHere(repository)) yield { digest, owner: memberOwner(repository) };
    }
    for await (const { key, value } of scanAll(metadata, { prefix: registryKeys.allManifests() })) {
      const { repository, digest } = decodeRepositoryAndDigest(key);
      if (!isHere(repository)) continue;
      yield { digest, owner: manifestBytesOwner(repository) };
      const parsed = await readParsed(context, repository, digest, manifestCodec.decode(value));
      const owner = manifestOwner(repository, digest);
      for (const blob of parsed?.blobs.keys() ?? []) {
        // A layer that was missing at the push has a row in place of the edge.
        if ((await metadata.get(registryKeys.reference(repository, blob, digest))) !== undefined) continue;
        yield { digest: blob, owner };
      }
    }
  }

  async function holds(digest: Digest, [kind, name, manifest]: EdgeOwner): Promise<boolean> {
    if (typeof name !== 'string') return false;
    const repository = parseRepositoryName(name);
    if (kind === 'repository') {
      return (await metadata.get(registryKeys.member(repository, digest))) !== undefined;
    }
    if (kind === 'manifest-of') {
      return (await metadata.get(registryKeys.manifest(repository, digest))) !== undefined;
    }
    if (kind !== 'manifest' || typeof manifest !== 'object') return false;
    const raw = await metadata.get(registryKeys.manifest(repository, manifest.digest));
    if (raw === undefined) return false;
    const parsed = await readParsed(context, repository, manifest.digest, manifestCodec.decode(raw));
    // Of a manifest that cannot be read nobody can say what it needs: better too much than too little.
    return parsed === undefined || parsed.blobs.has(digest);
  }

  return { expected, holds };
}

/** Undefined when the bytes are lost or altered, which the check of the blobs reports. */
async function readParsed(
  { volumeFor, limits }: RegistryContext,
  repository: RepositoryName,
  digest: Digest,
  { mediaType, sizeBytes }: ManifestRecord,
): Promise<ParsedManifest | undefined> {
  try {
    const limit = Math.max(sizeBytes, limits.manifestMaxBytes);
    return parseManifest(await volumeFor(repository).content.readWhole(digest, limit), mediaType);
  } catch (error) {
    const isUnreadable = (['blob-unknown', 'blob-corrupt', 'manifest-invalid'] as const).some((kind) =>
      isStoreError(error, kind),
    );
    if (!isUnreadable) throw error;
    return undefined;
  }
}
