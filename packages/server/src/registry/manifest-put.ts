import { hash } from 'node:crypto';
import {
  type Digest,
  digestAlgorithm,
  makeDigest,
  type RepositoryName,
  StoreError,
  type Tag,
} from '@zot-artifact-store/spec';
import type { Transaction } from '../metadata/transaction.ts';
import { registryKeys } from './keyspace.ts';
import { checkCondition, tagTaken } from './manifest-condition.ts';
import {
  invalid,
  isDockerManifest,
  mediaTypeUnsupported,
  type ParsedManifest,
  parseManifest,
} from './manifest-parser.ts';
import { actorOf, ensureRepository, manifestBytesOwner, manifestOwner } from './membership.ts';
import {
  type ManifestRecord,
  manifestCodec,
  memberCodec,
  PRESENT,
  referrerCodec,
  tagCodec,
} from './records.ts';
import { referrerRecord } from './referrer-record.ts';
import type { Manifests, PutManifest } from './registry.ts';
import type { RegistryContext } from './registry-context.ts';

type PutResult = Awaited<ReturnType<Manifests['put']>>;

/** A put whose bytes were understood and whose digest is known. */
interface CheckedPut extends PutManifest {
  readonly digest: Digest;
  readonly parsed: ParsedManifest;
  /** The tag of the reference, if it is one, and the further ones, each once. */
  readonly allTags: readonly Tag[];
}

/** See `Manifests.put`. Nothing is written before the bytes are valid and no veto refused. */
export async function putManifest(context: RegistryContext, put: PutManifest): Promise<PutResult> {
  const checked = check(context, put);
  const { repository, bytes, digest, parsed, allTags, principal } = checked;
  await context.vetoes.beforeManifestPut?.({
    principal,
    repository,
    digest,
    mediaType: put.mediaType,
    tags: allTags,
    bytes,
    subject: parsed.subject,
  });
  const { content } = context.volumeFor(repository);
  const prepared = await content.ingest(bytes, { expected: digest });
  const created = await content.transact([prepared], (transaction) => write(context, transaction, checked));
  return {
    digest,
    ...(parsed.subject === undefined ? {} : { subject: parsed.subject.digest }),
    tags: put.tags.filter((tag, index) => put.tags.indexOf(tag) === index),
    created,
  };
}

function check({ limits, compat }: RegistryContext, put: PutManifest): CheckedPut {
  const { bytes, mediaType, reference } = put;
  if (bytes.length > limits.manifestMaxBytes) {
    throw new StoreError(
      'manifest-too-large',
      `the manifest has ${bytes.length} bytes; ${limits.manifestMaxBytes} are allowed`,
      { detail: { limitBytes: limits.manifestMaxBytes } },
    );
  }
  if (isDockerManifest(mediaType) && !compat.docker2s2) throw mediaTypeUnsupported(mediaType);
  const parsed = parseManifest(bytes, mediaType);
  const algorithm = 'digest' in reference ? digestAlgorithm(reference.digest) : 'sha256';
  const digest = makeDigest(algorithm, hash(algorithm, bytes, 'hex'));
  if ('digest' in reference && reference.digest !== digest) {
    throw new StoreError(
      'digest-mismatch',
      `the manifest has the digest ${digest}, not ${reference.digest}`,
      {
        resource: reference.digest,
        detail: { expected: reference.digest, actual: digest },
      },
    );
  }
  const allTags = [...new Set('tag' in reference ? [reference.tag, ...put.tags] : put.tags)];
  return { ...put, digest, parsed, allTags };
}

/** One attempt; returns whether the manifest is new to the repository. */
async function write(context: RegistryContext, transaction: Transaction, put: CheckedPut): Promise<boolean> {
  const { metadata, clock, events } = context;
  const { repository, digest, allTags, principal, reference, condition } = put;
  const manifestKey = registryKeys.manifest(repository, digest);
  const [found, rawManifest, ...rawTags] = await metadata.getMany([
    registryKeys.repository(repository),
    manifestKey,
    ...allTags.map((tag) => registryKeys.tag(repository, tag)),
  ]);
  const before = rawManifest === undefined ? undefined : manifestCodec.decode(rawManifest);
  const tagged = rawTags.map((raw) => (raw === undefined ? undefined : tagCodec.decode(raw).digest));
  checkCondition(condition, 'tag' in reference ? tagged[0] : before && digest);

  ensureRepository(context, transaction, repository, { found, principal });
  transaction.expectUnchanged(manifestKey, rawManifest);
  transaction.put(manifestKey, manifestCodec.encode(recordOf(put, clock.now(), before)));
  context.volumeFor(repository).content.addEdge(transaction, digest, manifestBytesOwner(repository));
  await writeReferences(context, transaction, put, before !== undefined);
  if (put.parsed.subject !== undefined) {
    transaction.put(
      registryKeys.referrer(repository, put.parsed.subject.digest, digest),
      referrerCodec.encode(referrerRecord(put.parsed, put.mediaType, put.bytes.length)),
    );
  }
  allTags.forEach((tag, index) => {
    const old = tagged[index];
    if (condition?.movesNoTag && old !== undefined && old !== digest) throw tagTaken(tag, old);
    transaction.expectUnchanged(registryKeys.tag(repository, tag), rawTags[index]);
    if (old !== undefined && old !== digest) transaction.delete(registryKeys.tagOf(repository, old, tag));
    transaction.put(registryKeys.tag(repository, tag), tagCodec.encode({ digest, updatedAtMs: clock.now() }));
    transaction.put(registryKeys.tagOf(repository, digest, tag), PRESENT);
  });
  events.write(transaction, {
    type: 'manifest.pushed',
    repository,
    digest,
    mediaType: put.mediaType,
    tags: allTags,
    ...actorOf(principal),
  });
  return before === undefined;
}

function recordOf(put: CheckedPut, pushedAtMs: number, before: ManifestRecord | undefined): ManifestRecord {
  const { artifactType, subject } = put.parsed;
  return {
    mediaType: put.mediaType,
    sizeBytes: put.bytes.length,
    ...(artifactType === undefined ? {} : { artifactType }),
    ...(subject === undefined ? {} : { subject: subject.digest }),
    pushedAtMs,
    revision: (before?.revision ?? 0) + 1,
  };
}

/**
 * The config must be a member. It and the layers that are members get an edge; what is missing (of a sparse image, which
 * the spec's conformance program pushes) or may be gets a row that needs nothing to be there, so that it counts also for
 * a layer or an index child that is pushed later. What is there is checked to be there still at commit, because that is
 * the key on which a concurrent delete of it meets this transaction.
 */
async function writeReferences(
  { metadata, volumeFor }: RegistryContext,
  transaction: Transaction,
  { repository, digest: manifest, parsed }: CheckedPut,
  wasPushedBefore: boolean,
): Promise<void> {
  const { content } = volumeFor(repository);
  const blobs = [...parsed.blobs];
  const optional = [...parsed.optional];
  const memberKeys = [...blobs, ...optional].map(([digest]) => registryKeys.member(repository, digest));
  const childKeys = optional.map(([digest]) => registryKeys.manifest(repository, digest));
  const values = await metadata.getMany([...memberKeys, ...childKeys]);

  blobs.forEach(([digest, size], index) => {
    const member = values[index];
    const reference = registryKeys.reference(repository, digest, manifest);
    if (member === undefined) {
      if (digest === parsed.config) throw blobMissing(repository, digest);
      transaction.put(reference, PRESENT);
      return;
    }
    // It may have been missing the last time.
    if (wasPushedBefore) transaction.delete(reference);
    checkSize(digest, size, memberCodec.decode(member).sizeBytes);
    transaction.expectPresent(registryKeys.member(repository, digest));
    content.addEdge(transaction, digest, manifestOwner(repository, manifest));
  });
  optional.forEach(([digest, size], index) => {
    const member = values[blobs.length + index];
    const child = values[memberKeys.length + index];
    if (member !== undefined) {
      checkSize(digest, size, memberCodec.decode(member).sizeBytes);
      transaction.expectPresent(registryKeys.member(repository, digest));
    }
    if (child !== undefined) {
      checkSize(digest, size, manifestCodec.decode(child).sizeBytes);
      transaction.expectPresent(registryKeys.manifest(repository, digest));
    }
    transaction.put(registryKeys.reference(repository, digest, manifest), PRESENT);
  });
}

function blobMissing(repository: RepositoryName, digest: Digest): StoreError {
  return new StoreError(
    'manifest-blob-unknown',
    `the manifest names ${digest}, which repository ${repository} does not have; push the blob first`,
    { resource: digest, detail: { digest } },
  );
}

function checkSize(digest: Digest, named: number, actual: number): void {
  if (named !== actual) throw invalid(`${digest} has ${actual} bytes; the manifest says ${named}`);
}
