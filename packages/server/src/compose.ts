import type { AddressInfo } from 'node:net';
import { StoreError } from '@zot-artifact-store/spec';
import type { Logger } from 'pino';
import { createApiProtocol } from './api/protocol.ts';
import { auditFolder } from './composition/audit-tools.ts';
import { backgroundTasks, tasksAtStart } from './composition/background-tasks.ts';
import { openStores, type Stores } from './composition/open-stores.ts';
import { readVersion } from './composition/read-version.ts';
import { readinessChecks } from './composition/readiness-checks.ts';
import { startExtensions } from './composition/start-extensions.ts';
import type { Config } from './config/config.ts';
import type { HealthCheck } from './extension/contract.ts';
import type { SealedExtensions } from './extension/host.ts';
import type { LoadedExtension } from './extension/load.ts';
import { VetoChain } from './extension/veto-chain.ts';
import { health } from './extensions/health/extension.ts';
import { rbac } from './extensions/rbac/extension.ts';
import { keepRootPassword } from './extensions/rbac/identity/password/root-password.ts';
import { createCors } from './http/cors.ts';
import { Pipeline } from './http/pipeline.ts';
import type { Protocol } from './http/protocol.ts';
import { createRateLimiter, type RateLimits } from './http/rate-limiter.ts';
import { createHttpServer, type HttpServer } from './http/server.ts';
import type { TlsFiles } from './http/tls-files.ts';
import { createOciProtocol } from './oci/protocol.ts';
import type { Registry } from './registry/registry.ts';
import { Scheduler } from './work/scheduler.ts';

export interface ComposeOptions {
  readonly log: Logger;
  /** Unique among the processes of this server; names the holder of leases and is in its log lines. */
  readonly workerId: string;
  /** A disk failed in a way after which no write can be trusted: stop acknowledging and end the process. */
  onFatal(error: StoreError): void;
  readonly clock?: { now(): number };
  /** When the server as a whole was started: its workers, later ones too, do together what is done at its start. */
  readonly serverStartedAtMs: number;
}

/** One process's worth of server. */
export interface App {
  readonly registry: Registry;
  readonly stores: Stores;
  readonly extensions: SealedExtensions;
  readonly scheduler: Scheduler;
  /** Starts background work and accepts connections. Rejects with node's error when the address cannot be had. */
  listen(port: number): Promise<AddressInfo>;
  /**
   * Stops being ready, stops accepting, lets requests finish until `deadlineMs`, then ends background work, the
   * extensions in reverse order and the stores. Safe to call again.
   */
  close(options: { readonly deadlineMs: number }): Promise<void>;
}

/** Each extension, and background work as a whole, gets this long to end. */
const SHUTDOWN_DEADLINE_MS = 5_000;

/** Builds one server process from its configuration; the only place that knows every concrete class. */
export async function compose(config: Config, options: ComposeOptions): Promise<App> {
  const { log, clock = { now: Date.now } } = options;
  const vetoes = new VetoChain();
  let isDraining = false;
  let failure: StoreError | undefined;
  let extensions: SealedExtensions | undefined;
  let checks: readonly HealthCheck[] = [];
  // Loaded while the stores are opened, which waits for other threads and for the disk.
  const loading = builtInExtensions(config, options.workerId, () => [
    ...checks,
    ...(extensions?.health ?? []),
  ]);
  loading.catch(() => {}); // it is awaited below
  const stores = await openStores(config, {
    log,
    clock,
    vetoes,
    observers: () => extensions?.observers.map(({ name }) => name) ?? [],
    onFatal: (error) => {
      failure ??= error;
      options.onFatal(error);
    },
  });
  let tls: TlsFiles | undefined;
  try {
    checks = readinessChecks({
      stores,
      reserveBytes: config.storage.reserveBytes,
      isDraining: () => isDraining,
      failure: () => failure,
    });
    extensions = await startExtensions(config, { stores, vetoes, log, clock, builtIn: await loading });
    tls = await openTls(config, log);
  } catch (error) {
    await extensions?.close(SHUTDOWN_DEADLINE_MS);
    await stores.close();
    throw error;
  }

  const sealed = extensions;
  const oci = createOciProtocol({
    registry: stores.registry,
    vetoes,
    compat: { docker2s2: config.http.dockerCompat },
    extensionsDiscovery: [],
    limits: { manifestMaxBytes: config.http.maxManifestBytes },
  });
  const pipeline = new Pipeline({
    protocols: [createApiProtocol(sealed.api, readVersion()), ...inOrder(sealed.protocols, oci)],
    authenticators: sealed.authenticators,
    authorizers: sealed.authorizers,
    recorders: sealed.recorders,
    cors: createCors({ allowOrigins: config.http.allowOrigins }),
    rateLimiter: createRateLimiter(rateLimits(config), { workers: config.workers }),
    log,
  });
  const server = createHttpServer({
    pipeline,
    tls,
    log,
    limits: {
      bodyIdleTimeoutMs: config.http.readIdleTimeoutMs,
      writeStallTimeoutMs: config.http.writeIdleTimeoutMs,
    },
  });
  const scheduler = new Scheduler({ store: stores.metadata, log, clock, holder: options.workerId });

  let closed: Promise<void> | undefined;
  return {
    registry: stores.registry,
    stores,
    extensions: sealed,
    scheduler,
    async listen(port) {
      const address = await listenOn(server, config.http.address, port);
      scheduler.start([
        ...backgroundTasks({
          stores,
          observers: sealed.observers,
          gcUntagged: config.storage.gcUntagged,
          clock,
          log,
        }),
        ...sealed.tasks,
      ]);
      for (const task of tasksAtStart(stores)) {
        scheduler.runOnceSince(task, options.serverStartedAtMs).catch((error: unknown) => {
          log.error({ task, err: error }, 'background task failed');
        });
      }
      return address;
    },
    close({ deadlineMs }) {
      closed ??= (async () => {
        isDraining = true;
        const backgroundEnded = scheduler.stop(AbortSignal.timeout(deadlineMs + SHUTDOWN_DEADLINE_MS));
        await server.close({ deadlineMs });
        await backgroundEnded;
        await sealed.close(SHUTDOWN_DEADLINE_MS);
        tls?.close();
        await stores.close();
      })();
      return closed;
    },
  };
}

async function builtInExtensions(
  config: Config,
  workerId: string,
  checks: Parameters<typeof health>[0]['checks'],
): Promise<LoadedExtension[]> {
  const { access, sections } = config;
  const rootPassword = access.rootPassword ?? (await keepRootPassword(access.rootPasswordPath));
  const place = { section: {}, source: 'built in' };
  const extensions: LoadedExtension[] = [
    {
      extension: rbac({ ...access, rootPassword }),
      section: sections.rbac,
      configPath: 'extensions.rbac',
      source: 'built in',
    },
    { extension: health({ checks }), configPath: 'health', ...place },
  ];
  if (sections.s3?.enable === true) {
    const { s3 } = await import('./extensions/s3/extension.ts');
    const extension = s3({ root: { user: access.rootUser, password: rootPassword } });
    extensions.unshift({ extension, section: sections.s3, configPath: 'extensions.s3', source: 'built in' });
  }
  if (sections.audit?.enable === true) {
    const { audit } = await import('./extensions/audit/extension.ts');
    const extension = audit({
      folder: auditFolder(config),
      stream: workerId,
      zotLogPath: config.log.audit,
    });
    const section = sections.audit;
    extensions.unshift({ extension, section, configPath: 'extensions.audit', source: 'built in' });
  }
  return extensions;
}

function rateLimits({ http: { rateLimit } }: Config): RateLimits | undefined {
  return rateLimit && { perSecond: rateLimit.perSecond, methods: rateLimit.methods };
}

/** OCI claims all of /v2/: an extension may take a part of it, or what is left. */
function inOrder(ofExtensions: readonly Protocol[], oci: Protocol): readonly Protocol[] {
  const first = ofExtensions.filter(({ fallback }) => fallback !== true);
  // Those that came with the server were set up first, and want the least.
  const last = ofExtensions.filter(({ fallback }) => fallback === true).reverse();
  return [...first, oci, ...last];
}

async function openTls({ http }: Config, log: Logger): Promise<TlsFiles | undefined> {
  if (http.tls === undefined) return undefined;
  const { TlsFiles } = await import('./http/tls-files.ts');
  return TlsFiles.open({ ...http.tls, log });
}

async function listenOn(server: HttpServer, host: string, port: number): Promise<AddressInfo> {
  try {
    return await server.listen({ host, port });
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? cause.code : undefined;
    if (code !== 'ENOTFOUND' && code !== 'EAI_AGAIN') throw cause;
    throw new StoreError(
      'argument-invalid',
      `The address ${host} is not known; choose one of this machine with --host.`,
      { cause },
    );
  }
}
