import type { Digest, RepositoryName } from '@zot-artifact-store/spec';
import { registryKeys } from './keyspace.ts';
import { deleteManifest } from './manifest-delete.ts';
import { putManifest } from './manifest-put.ts';
import { type ManifestRecord, manifestCodec, tagCodec } from './records.ts';
import type { Manifests, StoredManifest } from './registry.ts';
import type { RegistryContext } from './registry-context.ts';
import { manifestUnknown, pageOf } from './repositories.ts';
import { decodeRepositoryAndDigest } from './row-keys.ts';

/** A tag can move and its old manifest go between two reads; more often than this in a row it does not. */
const RESOLVE_ATTEMPTS = 5;

export function createManifests(context: RegistryContext): Manifests {
  const { metadata, volumeFor, vetoes, limits } = context;

  async function find(repository: RepositoryName, digest: Digest): Promise<StoredManifest | undefined> {
    const raw = await metadata.get(registryKeys.manifest(repository, digest));
    return raw === undefined ? undefined : storedManifest(digest, manifestCodec.decode(raw));
  }

  async function mustFind(repository: RepositoryName, digest: Digest): Promise<StoredManifest> {
    const manifest = await find(repository, digest);
    if (manifest === undefined) throw await manifestUnknown(context, repository, digest);
    return manifest;
  }

  return {
    async resolve(repository, reference) {
      if ('digest' in reference) return mustFind(repository, reference.digest);
      for (let attempt = 0; attempt < RESOLVE_ATTEMPTS; attempt++) {
        const raw = await metadata.get(registryKeys.tag(repository, reference.tag));
        if (raw === undefined) break;
        const manifest = await find(repository, tagCodec.decode(raw).digest);
        if (manifest !== undefined) return manifest;
      }
      throw await manifestUnknown(context, repository, reference.tag);
    },

    async read(repository, of) {
      const manifest = typeof of === 'string' ? await mustFind(repository, of) : of;
      // One that was stored under a higher limit stays readable.
      const limit = Math.max(manifest.sizeBytes, limits.manifestMaxBytes);
      // One that is deleted meanwhile keeps its bytes for the time of grace.
      return volumeFor(repository).content.readWhole(manifest.digest, limit);
    },

    put: (put) => putManifest(context, put),

    async delete(repository, digest, principal) {
      await mustFind(repository, digest);
      await vetoes.beforeDelete?.({ principal, repository, kind: 'manifest', reference: digest });
      await deleteManifest(context, { repository, digest, principal });
    },

    async list(repository, { after, limit }) {
      const rows = await metadata.scan(
        { prefix: registryKeys.manifests(repository) },
        {
          limit: limit + 1,
          ...(after === undefined ? {} : { after: registryKeys.manifest(repository, after) }),
        },
      );
      return pageOf(rows, limit, ({ key, value }) =>
        storedManifest(decodeRepositoryAndDigest(key).digest, manifestCodec.decode(value)),
      );
    },
  };
}

function storedManifest(digest: Digest, record: ManifestRecord): StoredManifest {
  const { mediaType, sizeBytes, artifactType, subject, pushedAtMs } = record;
  return {
    digest,
    mediaType,
    sizeBytes,
    ...(artifactType === undefined ? {} : { artifactType }),
    ...(subject === undefined ? {} : { subject }),
    pushedAtMs,
  };
}
