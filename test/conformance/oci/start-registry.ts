import { randomBytes, randomUUID } from 'node:crypto';
import pino from 'pino';
import { createContentStore } from '../../../packages/server/src/content/create-content-store.ts';
import { HashPool } from '../../../packages/server/src/content/hashing/hash-pool.ts';
import { MemoryBlobDriver } from '../../../packages/server/src/drivers/memory/memory-blob-driver.ts';
import type { Authorizer, Vetoes } from '../../../packages/server/src/extension/contract.ts';
import { Pipeline } from '../../../packages/server/src/http/pipeline.ts';
import { createHttpServer } from '../../../packages/server/src/http/server.ts';
import { MemoryMetadataStore } from '../../../packages/server/src/metadata/memory/memory-metadata-store.ts';
import { DEFAULT_OCI_LIMITS } from '../../../packages/server/src/oci/deps.ts';
import { createOciProtocol } from '../../../packages/server/src/oci/protocol.ts';
import { createRegistry } from '../../../packages/server/src/registry/create-registry.ts';
import { createUploadIds } from '../../../packages/server/src/registry/upload-id.ts';

export interface RegistryOptions {
  readonly docker2s2?: boolean;
  readonly vetoes?: Vetoes;
  /** Which repositories may be pulled from; everything else is allowed. */
  mayPull?(repository: string): boolean;
}

export interface RunningRegistry {
  readonly url: string;
  close(): Promise<void>;
}

/** The distribution API over the real registry, in memory, behind the real HTTP server. */
export async function startRegistry(options: RegistryOptions = {}): Promise<RunningRegistry> {
  const log = pino({ level: 'silent' });
  const clock = { now: () => Date.now() };
  const metadata = new MemoryMetadataStore();
  const driver = new MemoryBlobDriver();
  const hashing = new HashPool({ threads: 1 });
  const graceMs = 3_600_000;
  const content = createContentStore({ metadata, driver, volume: '', hashing, clock, graceMs, log });
  const vetoes = options.vetoes ?? {};
  const compat = { docker2s2: options.docker2s2 ?? false };
  const registry = createRegistry({
    metadata,
    volumeFor: () => ({ content, graceMs }),
    clock,
    newId: randomUUID,
    uploadIds: createUploadIds(randomBytes(32)),
    events: { write: () => {} },
    vetoes,
    limits: { ...DEFAULT_OCI_LIMITS, uploadTtlMs: graceMs },
    compat,
    log,
  });
  const oci = createOciProtocol({
    registry,
    vetoes,
    compat,
    extensionsDiscovery: [],
    limits: DEFAULT_OCI_LIMITS,
  });
  const pipeline = new Pipeline({
    protocols: [oci],
    authenticators: [],
    authorizers: [authorizer(options)],
    log,
  });
  const server = createHttpServer({ pipeline, log });
  const { port } = await server.listen({ host: '127.0.0.1', port: 0 });
  return {
    url: `http://127.0.0.1:${port}`,
    async close() {
      await server.close({ deadlineMs: 1_000 });
      await hashing.close();
    },
  };
}

function authorizer({ mayPull = () => true }: RegistryOptions): Authorizer {
  return {
    authorize: (_principal, { action, resource }) => ({
      effect: action !== 'oci:Pull' || mayPull(resource.slice('repository:'.length)) ? 'allow' : 'deny',
    }),
  };
}
