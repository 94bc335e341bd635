import {
  type Digest,
  type DigestAlgorithm,
  digestAlgorithm,
  digestHex,
  makeDigest,
  StoreError,
} from '@zot-artifact-store/spec';
import type { BlobDriver, StagedId } from './blob-driver.ts';
import type { IngestOptions, OutsideFile, PreparedBlob, Segment } from './content-store.ts';
import { hashStream } from './hash-stream.ts';
import { checksumOf } from './hashing/checksum-of.ts';
import type { HashAlgorithm } from './hashing/hash-algorithm.ts';
import type { HashPool } from './hashing/hash-pool.ts';
import { collectSmall, type Hashes, keepPartial, stageHashed } from './ingest.ts';
import { interruptible } from './interruptible.ts';
import { newStagedId } from './object-name.ts';
import { type PreparedUnit, PreparedUnits } from './prepared.ts';

export interface PrepareDeps {
  readonly driver: BlobDriver;
  readonly hashing: HashPool;
  readonly inlineMaxBytes: number;
}

/** Bytes are kept once, under this algorithm; a digest of another names them as a composite of one part. */
const CANONICAL: DigestAlgorithm = 'sha256';

export async function prepareIngest(
  deps: PrepareDeps,
  source: AsyncIterable<Uint8Array> | Uint8Array,
  options: IngestOptions,
): Promise<PreparedBlob> {
  const { expectedBytes, maxBytes, signal } = options;
  const { inlineMaxBytes } = deps;
  signal?.throwIfAborted();
  if (source instanceof Uint8Array) {
    assertSize(source.length, options);
    if (source.length <= inlineMaxBytes) return prepareInline(deps, Buffer.from(source), options);
    return prepareStream(deps, once(source), { ...options, expectedBytes: source.length });
  }
  const checked = expectedBytes === undefined ? source : ofLength(source, expectedBytes);
  if (expectedBytes !== undefined && expectedBytes > inlineMaxBytes)
    return prepareStream(deps, checked, options);
  const limitBytes = Math.min(inlineMaxBytes, maxBytes ?? inlineMaxBytes);
  const small = await collectSmall(interruptible(checked, signal), limitBytes);
  return 'whole' in small
    ? prepareInline(deps, small.whole, options)
    : prepareStream(deps, small.rest, options);
}

/** See `ContentStore.takeOver`. What is hashed is what was staged, so a file that is exchanged meanwhile does no harm. */
export async function prepareOutside(
  deps: PrepareDeps,
  file: OutsideFile,
  { mayLink, ...options }: IngestOptions & { readonly mayLink: boolean },
): Promise<{ readonly prepared: PreparedBlob; readonly linked: boolean }> {
  const { driver, hashing, inlineMaxBytes } = deps;
  const checks = { ...options, expectedBytes: options.expectedBytes ?? file.sizeBytes };
  const { signal } = options;
  signal?.throwIfAborted();
  assertSize(file.sizeBytes, checks);
  if (driver.local === undefined || !mayLink || file.sizeBytes <= inlineMaxBytes) {
    return { prepared: await prepareIngest(deps, file.read(), checks), linked: false };
  }
  const id = newStagedId();
  const { sizeBytes, linked } = await driver.local.stageLink(id, file.path);
  try {
    assertSize(sizeBytes, checks);
    const algorithms = wantedHashes(options);
    const staged = driver.readStaged(id, signal && { signal });
    const { hashes } = await hashStream(hashing, staged, { algorithms, expectedBytes: sizeBytes });
    const names = namesOf(hashes, options);
    const source = { kind: 'staged', id } as const;
    return { prepared: prepared(deps, { ...names, sizeBytes, source, own: [id], consumed: [] }), linked };
  } catch (error) {
    await driver.removeStaged(id);
    throw error;
  }
}

export async function stageUploadSegment(
  { driver, hashing }: PrepareDeps,
  source: AsyncIterable<Uint8Array>,
  options: {
    readonly algorithm?: DigestAlgorithm;
    readonly maxBytes?: number;
    readonly expectedBytes?: number;
    readonly signal?: AbortSignal;
  },
): Promise<Segment> {
  const { algorithm = CANONICAL, maxBytes, expectedBytes, signal } = options;
  const stagedId = newStagedId();
  // An abort ends the source, not the staging: what arrived until then is kept.
  const partial = keepPartial(interruptible(source, signal));
  const { sizeBytes, hashes } = await stageHashed(driver, partial.source, {
    id: stagedId,
    algorithms: [algorithm],
    hashing,
    ...(maxBytes !== undefined && { maxBytes }),
    ...(expectedBytes !== undefined && { expectedBytes }),
  });
  const segment = { stagedId, sizeBytes, digest: makeDigest(algorithm, hashes.get(algorithm) ?? '') };
  const interrupted = partial.interrupted();
  if (interrupted === undefined) return segment;
  if (sizeBytes > 0) return { ...segment, interrupted };
  await driver.removeStaged(stagedId);
  throw interrupted;
}

export async function prepareAssembly(
  deps: PrepareDeps,
  segments: readonly Segment[],
  options: IngestOptions & { readonly handOver?: boolean },
): Promise<PreparedBlob> {
  const { driver, hashing, inlineMaxBytes } = deps;
  const { signal, handOver } = options;
  const consumed = segments.map(({ stagedId }) => stagedId);
  const filled = segments.filter(({ sizeBytes }) => sizeBytes > 0);
  const sizeBytes = filled.reduce((sum, segment) => sum + segment.sizeBytes, 0);
  assertSize(sizeBytes, options);
  const whole = () => ofLength(readSegments(driver, filled, signal), sizeBytes);
  if (sizeBytes <= inlineMaxBytes) {
    return prepareInline(deps, await concat(whole()), { ...options, consumed });
  }
  const [only, ...others] = filled;
  if (only === undefined || others.length > 0) {
    return prepareStream(deps, whole(), { ...options, expectedBytes: sizeBytes, consumed });
  }
  const known = new Map<HashAlgorithm, string>([[digestAlgorithm(only.digest), digestHex(only.digest)]]);
  const missing = wantedHashes(options).filter((algorithm) => !known.has(algorithm));
  if (missing.length > 0) {
    const hashed = await hashStream(hashing, whole(), { algorithms: missing, expectedBytes: sizeBytes });
    for (const [algorithm, hex] of hashed.hashes) known.set(algorithm, hex);
  }
  if (handOver) {
    const source = { kind: 'staged', id: only.stagedId } as const;
    return prepared(deps, { ...namesOf(known, options), sizeBytes, source, own: consumed, consumed: [] });
  }
  const source = { kind: 'staged', id: only.stagedId, keepStaged: true } as const;
  return prepared(deps, { ...namesOf(known, options), sizeBytes, source, consumed });
}

interface Consuming {
  readonly consumed?: readonly StagedId[];
}

function prepareInline(deps: PrepareDeps, bytes: Buffer, options: IngestOptions & Consuming): PreparedBlob {
  assertSize(bytes.length, options);
  const hashes = new Map(wantedHashes(options).map((algorithm) => [algorithm, checksumOf(algorithm, bytes)]));
  const { consumed = [] } = options;
  const source = { kind: 'inline', bytes } as const;
  return prepared(deps, { ...namesOf(hashes, options), sizeBytes: bytes.length, source, consumed });
}

async function prepareStream(
  deps: PrepareDeps,
  source: AsyncIterable<Uint8Array>,
  options: IngestOptions & Consuming,
): Promise<PreparedBlob> {
  const { driver, hashing } = deps;
  const { maxBytes, expectedBytes, signal, consumed = [] } = options;
  const id = newStagedId();
  const staged = await stageHashed(driver, source, {
    id,
    algorithms: wantedHashes(options),
    hashing,
    ...(maxBytes !== undefined && { maxBytes }),
    ...(expectedBytes !== undefined && { expectedBytes }),
    ...(signal && { signal }),
  });
  try {
    const { sizeBytes, hashes } = staged;
    const source = { kind: 'staged', id } as const;
    return prepared(deps, { ...namesOf(hashes, options), sizeBytes, source, own: [id], consumed });
  } catch (error) {
    await driver.removeStaged(id);
    throw error;
  }
}

/** What a blob is called, once it is hashed. */
interface Names {
  readonly digest: Digest;
  readonly canonical: Digest;
  readonly hashes: PreparedBlob['hashes'];
}

function prepared(
  { driver }: PrepareDeps,
  blob: Names & {
    readonly sizeBytes: number;
    readonly source: PreparedUnit['source'];
    readonly own?: readonly StagedId[];
    readonly consumed: readonly StagedId[];
  },
): PreparedBlob {
  const { digest, canonical, sizeBytes, source } = blob;
  const units: PreparedUnit[] = [{ digest: canonical, sizeBytes, source }];
  if (digest !== canonical) {
    const parts = [{ digest: canonical, sizeBytes }];
    units.push({ digest, sizeBytes, source: { kind: 'composite', parts } });
  }
  return new PreparedUnits(driver, { ...blob, units });
}

function wantedAlgorithm({ expected, algorithm = CANONICAL }: IngestOptions): DigestAlgorithm {
  return expected === undefined ? algorithm : digestAlgorithm(expected);
}

function wantedHashes(options: IngestOptions): readonly HashAlgorithm[] {
  return [...new Set<HashAlgorithm>([CANONICAL, wantedAlgorithm(options), ...(options.alsoHash ?? [])])];
}

/** Throws `digest-mismatch` when the digest is not the one that was promised. */
function namesOf(hashes: Hashes, options: IngestOptions): Names {
  const hexOf = (algorithm: HashAlgorithm): string => {
    const hex = hashes.get(algorithm);
    if (hex === undefined) throw new StoreError('internal', `the ${algorithm} hash is missing`);
    return hex;
  };
  const { expected, alsoHash = [] } = options;
  const algorithm = wantedAlgorithm(options);
  const digest = makeDigest(algorithm, hexOf(algorithm));
  if (expected !== undefined && expected !== digest) {
    throw new StoreError('digest-mismatch', `the content has the digest ${digest}, not ${expected}`, {
      resource: expected,
      detail: { expected, actual: digest },
    });
  }
  return {
    digest,
    canonical: makeDigest(CANONICAL, hexOf(CANONICAL)),
    hashes: Object.fromEntries(alsoHash.map((each) => [each, hexOf(each)])),
  };
}

function assertSize(sizeBytes: number, { expectedBytes, maxBytes }: IngestOptions): void {
  if (maxBytes !== undefined && sizeBytes > maxBytes) {
    throw new StoreError('body-too-large', `the content is larger than ${maxBytes} bytes`);
  }
  if (expectedBytes !== undefined && sizeBytes !== expectedBytes) throw otherSize(sizeBytes, expectedBytes);
}

/** The same stream; fails as soon as it is longer than promised, or when it ends short of it. */
async function* ofLength(
  source: AsyncIterable<Uint8Array>,
  expectedBytes: number,
): AsyncGenerator<Uint8Array, void, undefined> {
  let sizeBytes = 0;
  for await (const chunk of source) {
    sizeBytes += chunk.length;
    if (sizeBytes > expectedBytes) throw otherSize(sizeBytes, expectedBytes);
    yield chunk;
  }
  if (sizeBytes < expectedBytes) throw otherSize(sizeBytes, expectedBytes);
}

function otherSize(sizeBytes: number, expectedBytes: number): StoreError {
  const found = sizeBytes > expectedBytes ? 'more' : `${sizeBytes}`;
  return new StoreError('size-invalid', `${expectedBytes} bytes were announced and ${found} arrived`);
}

async function* readSegments(
  driver: BlobDriver,
  segments: readonly Segment[],
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array, void, undefined> {
  for (const { stagedId } of segments) yield* driver.readStaged(stagedId, signal && { signal });
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array, void, undefined> {
  yield bytes;
}

async function concat(source: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of source) chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks);
}
