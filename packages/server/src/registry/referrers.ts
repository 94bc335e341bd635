import {
  type Descriptor,
  type Digest,
  digestAlgorithm,
  digestHex,
  isStoreError,
  type RepositoryName,
  tryParseDigest,
} from '@zot-artifact-store/spec';
import type { Key } from '../metadata/metadata-store.ts';
import { registryKeys } from './keyspace.ts';
import { manifestKind, type ParsedManifest, parseManifest } from './manifest-parser.ts';
import { manifestCodec, type ReferrerRecord, referrerCodec, tagCodec } from './records.ts';
import { referrerDescriptor } from './referrer-record.ts';
import type { Referrers } from './registry.ts';
import type { RegistryContext } from './registry-context.ts';
import { decodePair } from './row-keys.ts';
import { scanAll } from './scan-all.ts';

/** A page ends when its descriptors are about as long as the largest manifest: clients read it as one. */
const MAX_PAGE_BYTES = 4 * 1024 * 1024;
/** Encoded section of a fallback tag (distribution-spec, "Referrers Tag Schema"). */
const MAX_TAG_HEX = 64;

export function createReferrers(context: RegistryContext): Referrers {
  return {
    async list(repository, digest, { artifactTypes, after, limit }) {
      const items: Descriptor[] = [];
      let sizeBytes = 0;
      const isWanted = (artifactType: string | undefined) =>
        artifactTypes.length === 0 || (artifactType !== undefined && artifactTypes.includes(artifactType));
      for await (const find of merged(context, { repository, subject: digest, after, isWanted })) {
        if (items.length >= limit) return { items, more: true };
        const descriptor = await find();
        if (descriptor === undefined) continue;
        sizeBytes += JSON.stringify(descriptor).length;
        if (sizeBytes > MAX_PAGE_BYTES && items.length > 0) return { items, more: true };
        items.push(descriptor);
      }
      return { items, more: false };
    },
  };
}

interface ReferrersQuery {
  readonly repository: RepositoryName;
  readonly subject: Digest;
  readonly after: string | undefined;
  isWanted(artifactType: string | undefined): boolean;
}

/** A descriptor that may be costly to make; undefined when its manifest has gone meanwhile. */
type Find = () => Promise<Descriptor | undefined>;

/** Rows and the fallback index, both in digest order, each digest once. A row knows more than the index of a client. */
async function* merged(context: RegistryContext, query: ReferrersQuery): AsyncGenerator<Find> {
  const fallback = await fallbackDescriptors(context, query);
  let next = 0;
  for await (const { digest, record } of rows(context, query)) {
    for (
      let entry = fallback[next];
      entry !== undefined && entry.digest <= digest;
      entry = fallback[++next]
    ) {
      const listed = entry;
      if (listed.digest !== digest) yield async () => listed;
    }
    if (query.isWanted(record.artifactType)) yield () => describe(context, query.repository, digest, record);
  }
  for (const listed of fallback.slice(next)) yield async () => listed;
}

async function* rows(
  { metadata }: RegistryContext,
  { repository, subject, after }: ReferrersQuery,
): AsyncGenerator<{ readonly digest: Digest; readonly record: ReferrerRecord }> {
  const prefix = registryKeys.referrers(repository, subject);
  const start = after === undefined ? undefined : tryParseDigest(after);
  const from: Key | undefined = start && registryKeys.referrer(repository, subject, start);
  for await (const { key, value } of scanAll(
    metadata,
    { prefix },
    from === undefined ? {} : { after: from },
  )) {
    const digest = decodePair(key).manifest;
    // A start that is no digest was not skipped to by key.
    if (after !== undefined && digest <= after) continue;
    yield { digest, record: referrerCodec.decode(value) };
  }
}

async function describe(
  context: RegistryContext,
  repository: RepositoryName,
  digest: Digest,
  record: ReferrerRecord,
): Promise<Descriptor | undefined> {
  if (record.annotations !== 'large') return referrerDescriptor(digest, record, record.annotations);
  try {
    const manifest = await readManifest(context, repository, { digest, ...record });
    return referrerDescriptor(digest, record, manifest.annotations);
  } catch (error) {
    if (isStoreError(error, 'blob-unknown')) return undefined;
    // Altered bytes must not hide the referrers of the subject.
    if (isStoreError(error, 'blob-corrupt')) return referrerDescriptor(digest, record, undefined);
    throw error;
  }
}

/**
 * What a client wrote into the fallback index of the subject, as far as it is in the repository, in digest order. An
 * index that cannot be read is none: "the client SHOULD assume there are no referrers".
 */
async function fallbackDescriptors(
  context: RegistryContext,
  { repository, subject, after, isWanted }: ReferrersQuery,
): Promise<readonly Descriptor[]> {
  const { metadata } = context;
  const rawTag = await metadata.get(registryKeys.tag(repository, fallbackTag(subject)));
  if (rawTag === undefined) return [];
  const { digest } = tagCodec.decode(rawTag);
  const rawIndex = await metadata.get(registryKeys.manifest(repository, digest));
  if (rawIndex === undefined) return [];
  const index = manifestCodec.decode(rawIndex);
  if (manifestKind(index.mediaType) !== 'index') return [];
  let parsed: ParsedManifest;
  try {
    parsed = await readManifest(context, repository, { digest, ...index });
  } catch (error) {
    if (isStoreError(error, 'blob-unknown') || isStoreError(error, 'blob-corrupt')) return [];
    throw error;
  }
  const listed = new Map(parsed.children.map((child) => [child.digest, child]));
  const sorted = [...listed.values()]
    .filter((child) => after === undefined || child.digest > after)
    .sort((a, b) => (a.digest < b.digest ? -1 : 1));
  const values = await metadata.getMany(
    sorted.map((child) => registryKeys.manifest(repository, child.digest)),
  );
  return sorted.flatMap(({ mediaType, digest: child, size, artifactType: own, annotations }, position) => {
    const raw = values[position];
    if (raw === undefined) return [];
    const artifactType = own ?? manifestCodec.decode(raw).artifactType;
    if (!isWanted(artifactType)) return [];
    return [
      referrerDescriptor(
        child,
        { mediaType, sizeBytes: size, ...(artifactType === undefined ? {} : { artifactType }) },
        annotations,
      ),
    ];
  });
}

export function fallbackTag(subject: Digest): string {
  return `${digestAlgorithm(subject)}-${digestHex(subject).slice(0, MAX_TAG_HEX)}`;
}

async function readManifest(
  { volumeFor, limits }: RegistryContext,
  repository: RepositoryName,
  manifest: { readonly digest: Digest; readonly mediaType: string; readonly sizeBytes: number },
): Promise<ParsedManifest> {
  const limit = Math.max(manifest.sizeBytes, limits.manifestMaxBytes);
  const bytes = await volumeFor(repository).content.readWhole(manifest.digest, limit);
  return parseManifest(bytes, manifest.mediaType);
}
