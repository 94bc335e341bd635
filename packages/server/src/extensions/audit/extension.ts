import { StoreError } from '@zot-artifact-store/spec';
import { defineExtension, type Extension, type ExtensionHost, type Parts } from '../../extension/contract.ts';
import { auditRoutes } from './api/routes.ts';
import { type AuditOptions, auditSection } from './config.ts';
import type { ExportOptions } from './export/config.ts';
import { exportParts } from './export/parts.ts';
import { SIGNING_PURPOSE, signingKey } from './trail/signing-key.ts';
import { StreamWriter } from './trail/stream-writer.ts';
import { trailRecorder } from './trail-recorder.ts';

export interface AuditSetup {
  /** Absolute: where the trail is. */
  readonly folder: string;
  /** What `log.audit` of the configuration names, absolute: it gets the lines of zot's audit log. */
  readonly zotLogPath?: string | undefined;
  /** The name of the stream this process writes: no other process of the server has it. */
  readonly stream: string;
}

/** No name of the configuration has a dot. */
const ZOT_LOG = 'log.audit';

/** Writes down who did what, in files that cannot be changed unnoticed. Its options are the section `extensions.audit`. */
export function audit(setup: AuditSetup): Extension<AuditOptions> {
  return defineExtension({
    name: 'audit',
    config: auditSection,
    setup: (host, options) => setUp(host, options, setup),
  });
}

async function setUp(
  host: ExtensionHost,
  options: AuditOptions,
  { folder, stream, zotLogPath }: AuditSetup,
): Promise<Parts> {
  const key = signingKey(host.deriveSecret(SIGNING_PURPOSE));
  const writer = await openWriter(host, options, { folder, stream, key });
  const zotLog: readonly ExportOptions[] =
    zotLogPath === undefined ? [] : [{ name: ZOT_LOG, type: 'file', path: zotLogPath, format: 'zot' }];
  const exporting = exportParts(host, { folder, exports: [...options.exports, ...zotLog] });
  return {
    api: auditRoutes({ folder, metadata: host.metadata, verifier: key.verifier }),
    recorders: [trailRecorder({ ...options, writer, clock: host.clock })],
    tasks: exporting.tasks,
    health: [
      ...exporting.health,
      {
        name: 'trail',
        isAdvisory: true,
        async check() {
          if (writer.failure !== undefined) throw writer.failure;
        },
      },
    ],
    shutdown: () => writer.close(),
  };
}

async function openWriter(
  { metadata, clock, log }: ExtensionHost,
  options: AuditOptions,
  place: Pick<Parameters<typeof StreamWriter.open>[0], 'folder' | 'stream' | 'key'>,
): Promise<StreamWriter> {
  try {
    return await StreamWriter.open({
      ...place,
      metadata,
      clock,
      log,
      rotateBytes: options.rotateSize,
      keepFiles: options.keepFiles,
      checkpointRecords: options.checkpointRecords,
      checkpointMs: options.checkpointSeconds * 1000,
      syncEach: options.sync === 'always',
    });
  } catch (cause) {
    const reason = cause instanceof Error && 'code' in cause ? String(cause.code) : String(cause);
    throw new StoreError('unavailable', `the audit trail in ${place.folder} cannot be written (${reason})`, {
      cause,
    });
  }
}
