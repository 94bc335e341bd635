import { defineExtension } from '@zot-artifact-store/server';
import { z } from 'zod';
import { lastPushProtocol } from './last-push-protocol.ts';
import { PushJournal } from './push-journal.ts';
import { requireAnnotation } from './require-annotation.ts';

const config = z.strictObject({
  annotation: z.string().min(1).default('org.opencontainers.image.source'),
  journal: z.string().min(1),
});

/**
 * Takes tagged manifests only when they say where they come from, writes down each push, and tells the last one of a
 * repository at `/-/example/last-push/<repository>`.
 */
export default defineExtension({
  name: 'push-gate',
  config,
  async setup({ metadata, log }, { annotation, journal: path }) {
    const journal = await PushJournal.open({ path, metadata });
    log.info({ annotation, path }, 'push gate closed');
    return {
      vetoes: { beforeManifestPut: (push) => requireAnnotation(push, annotation) },
      observers: [journal],
      protocols: [lastPushProtocol(metadata)],
      shutdown: () => journal.close(),
    };
  },
});
