import type { Digest, RepositoryName } from '@zot-artifact-store/spec';
import type { Key } from '../metadata/metadata-store.ts';
import { registryKeys } from './keyspace.ts';
import { manifestCodec, memberCodec, tagCodec } from './records.ts';
import type { RegistryContext } from './registry-context.ts';
import { decodePair, decodeRepositoryAndDigest, decodeTag, decodeTagOf } from './row-keys.ts';
import { scanAll } from './scan-all.ts';

export type RegistryProblemKind =
  | 'tag-dangling'
  | 'tag-reverse-missing'
  | 'tag-reverse-stale'
  | 'referrer-missing'
  | 'referrer-stale'
  | 'reference-stale'
  | 'repository-missing'
  | 'blob-missing';

export interface RegistryProblem {
  readonly kind: RegistryProblemKind;
  readonly repository: RepositoryName;
  /** One line for people. */
  readonly detail: string;
}

/**
 * Checks the registry's own tables against each other and writes nothing; edges are compared by the check of the
 * content store (see owners.ts). It may run beside live traffic: what looks wrong is looked at twice.
 */
export async function* verifyRegistry(
  context: RegistryContext,
  signal: AbortSignal,
): AsyncGenerator<RegistryProblem> {
  const { metadata } = context;
  for (const { prefix, check } of CHECKS) {
    for await (const { key, value } of scanAll(metadata, { prefix }, { signal })) {
      const first = await check(context, key, value);
      if (first.length === 0) continue;
      const now = await metadata.get(key);
      if (now !== undefined) yield* await check(context, key, now);
    }
  }
}

type Check = (context: RegistryContext, key: Key, value: Uint8Array) => Promise<readonly RegistryProblem[]>;

const CHECKS: readonly { readonly prefix: Key; readonly check: Check }[] = [
  { prefix: registryKeys.allManifests(), check: checkManifest },
  { prefix: registryKeys.allTags(), check: checkTag },
  { prefix: registryKeys.allTagsOf(), check: checkTagOf },
  { prefix: registryKeys.allMembers(), check: checkMember },
  { prefix: registryKeys.allReferrers(), check: checkReferrer },
  { prefix: registryKeys.allReferences(), check: checkReference },
];

async function checkManifest(context: RegistryContext, key: Key, value: Uint8Array) {
  const { repository, digest } = decodeRepositoryAndDigest(key);
  const { subject } = manifestCodec.decode(value);
  const problems = await checkRepository(context, repository);
  if (subject !== undefined && !(await has(context, registryKeys.referrer(repository, subject, digest)))) {
    problems.push({ kind: 'referrer-missing', repository, detail: `${digest} is no referrer of ${subject}` });
  }
  return problems;
}

async function checkTag(context: RegistryContext, key: Key, value: Uint8Array) {
  const { repository, tag } = decodeTag(key);
  const { digest } = tagCodec.decode(value);
  const problems: RegistryProblem[] = [];
  if (!(await has(context, registryKeys.manifest(repository, digest)))) {
    problems.push({ kind: 'tag-dangling', repository, detail: `tag ${tag} points to ${digest}` });
  }
  if (!(await has(context, registryKeys.tagOf(repository, digest, tag)))) {
    problems.push({
      kind: 'tag-reverse-missing',
      repository,
      detail: `${digest} does not know its tag ${tag}`,
    });
  }
  return problems;
}

async function checkTagOf(context: RegistryContext, key: Key): Promise<readonly RegistryProblem[]> {
  const { repository, digest, tag } = decodeTagOf(key);
  const raw = await context.metadata.get(registryKeys.tag(repository, tag));
  if (raw !== undefined && tagCodec.decode(raw).digest === digest) return [];
  return [{ kind: 'tag-reverse-stale', repository, detail: `${digest} has no tag ${tag}` }];
}

async function checkMember(context: RegistryContext, key: Key, value: Uint8Array) {
  const { repository, digest } = decodeRepositoryAndDigest(key);
  const { sizeBytes } = memberCodec.decode(value);
  const problems = await checkRepository(context, repository);
  const found = await context.volumeFor(repository).content.stat(digest);
  if (found?.sizeBytes !== sizeBytes) {
    const actual = found === undefined ? 'is missing or damaged' : `has ${found.sizeBytes}`;
    problems.push({ kind: 'blob-missing', repository, detail: `${digest} of ${sizeBytes} bytes ${actual}` });
  }
  return problems;
}

async function checkReferrer(context: RegistryContext, key: Key): Promise<readonly RegistryProblem[]> {
  const { repository, target, manifest } = decodePair(key);
  if (await isManifestOf(context, repository, manifest, (subject) => subject === target)) return [];
  return [{ kind: 'referrer-stale', repository, detail: `${manifest} does not refer to ${target}` }];
}

async function checkReference(context: RegistryContext, key: Key): Promise<readonly RegistryProblem[]> {
  const { repository, target, manifest } = decodePair(key);
  if (await isManifestOf(context, repository, manifest, () => true)) return [];
  return [{ kind: 'reference-stale', repository, detail: `${manifest}, which named ${target}, is gone` }];
}

async function checkRepository(
  context: RegistryContext,
  repository: RepositoryName,
): Promise<RegistryProblem[]> {
  if (await has(context, registryKeys.repository(repository))) return [];
  return [{ kind: 'repository-missing', repository, detail: 'it has content but is not listed' }];
}

async function isManifestOf(
  { metadata }: RegistryContext,
  repository: RepositoryName,
  manifest: Digest,
  accepts: (subject: Digest | undefined) => boolean,
): Promise<boolean> {
  const raw = await metadata.get(registryKeys.manifest(repository, manifest));
  return raw !== undefined && accepts(manifestCodec.decode(raw).subject);
}

async function has({ metadata }: RegistryContext, key: Key): Promise<boolean> {
  return (await metadata.get(key)) !== undefined;
}
