import type { Logger } from 'pino';
import type { Protocol } from '../http/protocol.ts';
import type { ApiRoute } from './api-route.ts';
import type {
  Authenticator,
  Authorizer,
  ExtensionHost,
  HealthCheck,
  Identities,
  Observer,
  Parts,
  Task,
  Vetoes,
} from './contract.ts';
import { ExtensionProblems } from './load.ts';
import type { CheckedExtension } from './order.ts';
import type { Recorder } from './recorder.ts';
import type { SharedServices } from './shared-services.ts';
import type { VetoChain } from './veto-chain.ts';

/** All parts of all extensions in order of setup, fixed for the life of the server. */
export interface SealedExtensions {
  readonly protocols: readonly Protocol[];
  readonly authenticators: readonly Authenticator[];
  readonly authorizers: readonly Authorizer[];
  /** `name` is `<extension>/<observer>`, as the outbox queue is called. */
  readonly observers: readonly Observer[];
  /** `name` is `<extension>/<task>`, as the lease is called. */
  readonly tasks: readonly Task[];
  /** `name` is `<extension>/<check>`. */
  readonly health: readonly HealthCheck[];
  readonly api: readonly ApiRoute[];
  readonly recorders: readonly Recorder[];
  /**
   * Calls every `shutdown` in reverse order of setup, each with `deadlineMs` in its signal; one that throws or does
   * not come back in time is logged and left behind. Never rejects.
   */
  close(deadlineMs: number): Promise<void>;
}

export interface SetupOptions {
  /** What one extension gets; asked once per extension. */
  hostFor(name: string): ExtensionHost;
  /** Sealed with the vetoes of all extensions. */
  readonly vetoes: VetoChain;
  /** Sealed with what extensions do for each other. */
  readonly services: SharedServices;
  readonly log: Logger;
}

interface Running {
  readonly name: string;
  readonly source: string;
  readonly parts: Parts;
}

/** How long a failed start waits for each extension that was already set up. */
const ROLLBACK_DEADLINE_MS = 2_000;

/**
 * Sets up extensions one after the other in the order given, then seals: two protocols, or two observers, tasks or
 * checks of one extension, of the same name are refused. When anything fails, those already set up are shut down and
 * ExtensionProblems is thrown.
 */
export async function setUpExtensions(
  extensions: readonly CheckedExtension[],
  options: SetupOptions,
): Promise<SealedExtensions> {
  const running: Running[] = [];
  try {
    for (const { extension, config, source } of extensions) {
      const parts = await setUpOne(extension.name, () =>
        extension.setup(options.hostFor(extension.name), config),
      );
      running.push({ name: extension.name, source, parts });
    }
    return seal(running, options);
  } catch (error) {
    await shutDown(running, ROLLBACK_DEADLINE_MS, options.log);
    throw error;
  }
}

async function setUpOne(name: string, setup: () => Promise<Parts> | Parts): Promise<Parts> {
  try {
    const parts = await setup();
    if (typeof parts === 'object' && parts !== null) return parts;
  } catch (cause) {
    if (cause instanceof ExtensionProblems) throw cause;
    throw new ExtensionProblems([`the extension "${name}" could not be set up: ${describe(cause)}`], {
      cause,
    });
  }
  throw new ExtensionProblems([
    `the extension "${name}" returned no parts from its setup; return {} for none`,
  ]);
}

function seal(running: readonly Running[], { vetoes, services, log }: SetupOptions): SealedExtensions {
  const problems: string[] = [];
  refuseDoubledProtocols(running, problems);
  const observers = qualify(running, 'observers', problems, (parts) => parts.observers);
  const tasks = qualify(running, 'tasks', problems, (parts) => parts.tasks);
  const health = qualify(running, 'health checks', problems, (parts) => parts.health);
  const api = routesOf(running, problems);
  const identities = identitiesOf(running, problems);
  if (problems.length > 0) throw new ExtensionProblems(problems);

  vetoes.seal(running.flatMap(({ parts }) => parts.vetoes ?? []));
  const authorizers = running.flatMap(({ parts }) => parts.authorizers ?? []);
  services.seal({ identities, authorizers, api });
  log.info({ extensions: running.map(tableRow) }, 'extensions sealed');
  let closing: Promise<void> | undefined;
  return {
    protocols: running.flatMap(({ parts }) => parts.protocols ?? []),
    authenticators: running.flatMap(({ parts }) => parts.authenticators ?? []),
    authorizers,
    api,
    recorders: running.flatMap(({ parts }) => parts.recorders ?? []),
    observers: observers.map(({ name, part }) => ({
      name,
      observe: (event, signal) => part.observe(event, signal),
    })),
    tasks: tasks.map(({ name, part }) => ({
      name,
      intervalMs: part.intervalMs,
      run: (signal) => part.run(signal),
    })),
    health: health.map(({ name, part }) => ({
      name,
      check: (signal) => part.check(signal),
      ...(part.isAdvisory && { isAdvisory: part.isAdvisory }),
    })),
    close(deadlineMs) {
      closing ??= shutDown(running, deadlineMs, log);
      return closing;
    },
  };
}

function refuseDoubledProtocols(running: readonly Running[], problems: string[]): void {
  const owners = new Map<string, string>();
  for (const { name, parts } of running) {
    for (const protocol of parts.protocols ?? []) {
      const owner = owners.get(protocol.name);
      if (owner === undefined) owners.set(protocol.name, name);
      else
        problems.push(
          `the protocol "${protocol.name}" is brought by two extensions, "${owner}" and "${name}"`,
        );
    }
  }
}

function routesOf(running: readonly Running[], problems: string[]): readonly ApiRoute[] {
  const owners = new Map<string, string>();
  return running.flatMap(({ name: owner, parts }) => {
    for (const { name } of parts.api ?? []) {
      const other = owners.get(name);
      if (other !== undefined)
        problems.push(`the API's "${name}" is brought by two extensions, "${other}" and "${owner}"`);
      owners.set(name, owner);
    }
    return parts.api ?? [];
  });
}

function identitiesOf(running: readonly Running[], problems: string[]): Identities | undefined {
  const [first, second] = running.filter(({ parts }) => parts.identities !== undefined);
  if (first !== undefined && second !== undefined)
    problems.push(`two extensions say who users are, "${first.name}" and "${second.name}"`);
  return first?.parts.identities;
}

function qualify<P extends { readonly name: string }>(
  running: readonly Running[],
  plural: string,
  problems: string[],
  pick: (parts: Parts) => readonly P[] | undefined,
): { readonly name: string; readonly part: P }[] {
  const seen = new Set<string>();
  return running.flatMap((one) =>
    (pick(one.parts) ?? []).map((part) => {
      const name = `${one.name}/${part.name}`;
      if (seen.has(name)) problems.push(`the extension "${one.name}" has two ${plural} named "${part.name}"`);
      seen.add(name);
      return { name, part };
    }),
  );
}

async function shutDown(running: readonly Running[], deadlineMs: number, log: Logger): Promise<void> {
  for (const { name, parts } of [...running].reverse()) {
    if (parts.shutdown === undefined) continue;
    const signal = AbortSignal.timeout(deadlineMs);
    const late = new Promise<'late'>((resolve) => {
      signal.addEventListener('abort', () => resolve('late'), { once: true });
    });
    try {
      const outcome = await Promise.race([parts.shutdown(signal), late]);
      if (outcome === 'late')
        log.warn({ extension: name, deadlineMs }, 'extension did not shut down in time');
    } catch (error) {
      log.warn({ extension: name, err: error }, 'extension failed to shut down');
    }
  }
}

function tableRow({ name, source, parts }: Running): Record<string, unknown> {
  const row: Record<string, unknown> = { name, source };
  if (parts.protocols?.length) row.protocols = parts.protocols.map((protocol) => protocol.name);
  if (parts.authenticators?.length) row.authenticators = parts.authenticators.length;
  if (parts.authorizers?.length) row.authorizers = parts.authorizers.length;
  if (parts.recorders?.length) row.recorders = parts.recorders.length;
  if (parts.api?.length) row.api = parts.api.map(({ name }) => name);
  const vetoes = hookNames(parts.vetoes);
  if (vetoes.length > 0) row.vetoes = vetoes;
  for (const kind of ['observers', 'tasks', 'health'] as const) {
    if (parts[kind]?.length) row[kind] = parts[kind].map((part) => part.name);
  }
  return row;
}

function hookNames(vetoes: Vetoes | undefined): string[] {
  if (vetoes === undefined) return [];
  const hooks: readonly (keyof Vetoes)[] = [
    'beforeIngest',
    'beforeManifestPut',
    'beforeServe',
    'beforeDelete',
  ];
  return hooks.filter((hook) => vetoes[hook] !== undefined);
}

function describe(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
