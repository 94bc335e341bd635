import { mkdir, realpath, stat } from 'node:fs/promises';
import { relative } from 'node:path';
import { parseRepositoryName, parseTag, StoreError } from '@zot-artifact-store/spec';
import type { Config } from '../config/config.ts';
import type { Principal } from '../extension/access.ts';
import { exportRepository } from '../layout/export-repository.ts';
import { exportTree } from '../layout/export-tree.ts';
import { importLayout } from '../layout/import-layout.ts';
import { importTree } from '../layout/import-tree.ts';
import { readLayout } from '../layout/read-layout.ts';
import { writeFailed } from '../layout/safe-folders.ts';
import type { ExportRequest, ImportRequest } from '../layout/transfer.ts';
import { TransferLog, type TransferReport } from '../layout/transfer-log.ts';
import type { OwnRegistry } from '../registry/create-registry.ts';

interface LayoutTools {
  readonly config: Config;
  readonly registry: OwnRegistry;
  readonly signal: AbortSignal;
}

/** Brings a layout, or a folder of layouts, into the store. Throws when the folder or the store cannot be used. */
export async function importLayouts(
  { config, registry, signal }: LayoutTools,
  { folder, what, mayLink, movesTags }: ImportRequest,
): Promise<TransferReport> {
  assertKept(config);
  const root = await existingFolder(folder);
  await assertApart(config, root);
  const manifestMaxBytes = config.http.maxManifestBytes;
  const principal = operator(config);
  const target = { registry, principal, manifestMaxBytes, mayLink, movesTags, signal };
  const log = new TransferLog();
  return runToReport(log, signal, async () => {
    if (what.kind === 'tree') return importTree(target, { root, patterns: what.patterns }, log);
    const repository = parseRepositoryName(what.repository);
    const tag = what.tag === undefined ? {} : { tag: parseTag(what.tag) };
    await importLayout(target, { layout: await readNamed(root), repository, ...tag }, log);
  });
}

/** Writes a repository as a layout, or all as a folder of layouts. Throws when the folder or the store cannot be used. */
export async function exportLayouts(
  { config, registry, signal }: LayoutTools,
  { folder, what, mayLink }: ExportRequest,
): Promise<TransferReport> {
  assertKept(config);
  const source = { registry, repositories: registry.repositories, mayLink, signal };
  const selection =
    what.kind === 'tree'
      ? undefined
      : { repository: parseRepositoryName(what.repository), tags: what.tags.map(parseTag) };
  await assertApart(config, folder);
  const root = await makeFolder(folder);
  // By another way it may be the data folder all the same.
  await assertApart(config, root);
  const log = new TransferLog();
  return runToReport(log, signal, () =>
    selection === undefined
      ? exportTree(source, root, log)
      : exportRepository(source, { ...selection, folder: root }, log),
  );
}

/** Who may read and write the files of the store may do what root may; extensions are asked all the same. */
function operator({ access }: Config): Principal {
  return { kind: 'user', name: access.rootUser, groups: [], via: 'command-line', isRoot: true };
}

async function runToReport(
  log: TransferLog,
  signal: AbortSignal,
  work: () => Promise<void>,
): Promise<TransferReport> {
  try {
    await work();
  } catch (error) {
    if (!signal.aborted) throw error;
    return log.report({ complete: false });
  }
  return log.report({ complete: true });
}

function assertKept({ storage }: Config): void {
  if (storage.metadataDriver !== 'memory') return;
  throw new StoreError(
    'argument-invalid',
    'the configured store is kept in memory; nothing outlives the command',
  );
}

async function readNamed(root: string) {
  try {
    return await readLayout(root);
  } catch (error) {
    if (!(error instanceof StoreError)) throw error;
    throw new StoreError('argument-invalid', `${root} is no OCI layout: ${error.message}`, { cause: error });
  }
}

async function existingFolder(folder: string): Promise<string> {
  try {
    const root = await realpath(folder);
    if ((await stat(root)).isDirectory()) return root;
  } catch (cause) {
    throw new StoreError('argument-invalid', `there is no folder at ${folder}`, { cause });
  }
  throw new StoreError('argument-invalid', `${folder} is not a folder`);
}

async function makeFolder(folder: string): Promise<string> {
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    return await realpath(folder);
  } catch (error) {
    throw writeFailed(folder, error);
  }
}

/** One inside the other would be read while it is written. */
async function assertApart({ storage }: Config, folder: string): Promise<void> {
  for (const { rootDirectory } of storage.volumes) {
    const data = await realpath(rootDirectory);
    if (!isWithin(data, folder) && !isWithin(folder, data)) continue;
    throw new StoreError(
      'argument-invalid',
      `${folder} and the data folder ${data} lie one in the other; choose a folder apart from it`,
    );
  }
}

function isWithin(path: string, parent: string): boolean {
  const way = relative(parent, path);
  return way === '' || (way !== '..' && !way.startsWith('../'));
}
