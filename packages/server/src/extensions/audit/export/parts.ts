import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { ExtensionHost, HealthCheck, Task } from '../../../extension/contract.ts';
import { type ExportOptions, facilityOf } from './config.ts';
import type { Destination } from './destination.ts';
import { runExport } from './exporter.ts';
import { fileDestination } from './file-destination.ts';
import { readTrouble } from './progress.ts';
import { stdoutDestination } from './stdout-destination.ts';
import { syslogDestination } from './syslog-destination.ts';
import { webhookDestination } from './webhook-destination.ts';
import { zotLine } from './zot-line.ts';

const INTERVAL_MS = 1_000;

/** A task for each export, which goes on until the server stops, and a check that says which gets no further. */
export function exportParts(
  { metadata, clock, log }: ExtensionHost,
  { folder, exports }: { readonly folder: string; readonly exports: readonly ExportOptions[] },
): { readonly tasks: readonly Task[]; readonly health: readonly HealthCheck[] } {
  return {
    tasks: exports.map((options) => ({
      name: `export-${options.name}`,
      intervalMs: INTERVAL_MS,
      run: (signal) =>
        runExport(
          { name: options.name, folder, metadata, clock, log, open: () => openDestination(options) },
          signal,
        ),
    })),
    health: exports.map(({ name }) => ({
      name: `export-${name}`,
      isAdvisory: true,
      async check() {
        const trouble = await readTrouble(metadata, name);
        if (trouble === undefined) return;
        const since = new Date(trouble.sinceMs).toISOString();
        throw new Error(`records of the audit trail wait since ${since}: ${trouble.message}`);
      },
    })),
  };
}

async function openDestination(options: ExportOptions): Promise<Destination> {
  const { type, path = '', format, url = '', caFile, tokenFile, secretFile } = options;
  switch (type) {
    case 'stdout':
      return stdoutDestination(process.stdout);
    case 'file':
      return fileDestination({
        path: resolve(path),
        lineOf: format === 'zot' ? zotLine : ({ text }) => text,
      });
    case 'syslog':
      return syslogDestination({
        url: new URL(url),
        facility: facilityOf(options),
        ...(caFile !== undefined && { ca: await readFile(caFile, 'utf8') }),
      });
    case 'webhook':
      return webhookDestination({ url, tokenFile, secretFile });
  }
}
