import { openLog } from '../log/logger.ts';
import { EXIT, type ExitCode } from './exit-code.ts';
import { type ConfigOptions, loadForCommand } from './load-for-command.ts';
import type { OpenedStore, Services } from './services.ts';
import type { Terminal } from './terminal.ts';

export interface StoreCommandContext {
  readonly terminal: Terminal;
  readonly services: Services;
  readonly finish: (code: ExitCode) => void;
}

/** Runs `work` on each volume of the configured store; else as `withWholeStore`. */
export async function withStore<Report>(
  context: Pick<StoreCommandContext, 'terminal' | 'services'>,
  options: ConfigOptions,
  work: (store: OpenedStore, volume: string, signal: AbortSignal) => Promise<Report>,
): Promise<readonly (Report & { readonly volume: string })[] | undefined> {
  return withWholeStore(context, { ...options, createIfMissing: false }, async (store, signal) => {
    const reports: (Report & { readonly volume: string })[] = [];
    for (const volume of store.volumes) reports.push({ ...(await work(store, volume, signal)), volume });
    return reports;
  });
}

/**
 * Runs `work` on the configured store, with a signal that Ctrl-C aborts, and always closes the store. What is logged on
 * the way goes where the configuration says, from warnings up, so that a report stays readable. Undefined when the
 * configuration cannot be used, which has been said.
 */
export async function withWholeStore<Result>(
  { terminal, services }: Pick<StoreCommandContext, 'terminal' | 'services'>,
  { createIfMissing, ...options }: ConfigOptions & { readonly createIfMissing: boolean },
  work: (store: OpenedStore, signal: AbortSignal) => Promise<Result>,
): Promise<Result | undefined> {
  const loaded = await loadForCommand(terminal, options);
  if (loaded === undefined) return undefined;
  const { log, flush } = openLog({ ...loaded.config.log, level: 'warn' });
  const interrupted = new AbortController();
  const interrupt = (): void => interrupted.abort();
  process.once('SIGINT', interrupt);
  process.once('SIGTERM', interrupt);
  try {
    const store = await services.openStore(loaded.config, { log, createIfMissing });
    try {
      return await work(store, interrupted.signal);
    } finally {
      await store.close();
    }
  } finally {
    process.off('SIGINT', interrupt);
    process.off('SIGTERM', interrupt);
    flush();
  }
}

export function volumeName(volume: string): string {
  return volume === '' ? 'main' : volume;
}

export function endedEarly(terminal: Terminal): ExitCode {
  terminal.complain('zas: ended before it was done.');
  return EXIT.failed;
}
