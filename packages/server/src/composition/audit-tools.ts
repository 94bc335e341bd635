import { join, resolve } from 'node:path';
import { StoreError } from '@zot-artifact-store/spec';
import type { AuditTools } from '../cli/services.ts';
import type { Config } from '../config/config.ts';
import { deriveSecret } from '../data-folder/secret-key.ts';
import { auditSection } from '../extensions/audit/config.ts';
import { readAllKnown } from '../extensions/audit/trail/heads.ts';
import { SIGNING_PURPOSE, signingKey } from '../extensions/audit/trail/signing-key.ts';
import { verifyTrail } from '../extensions/audit/trail/verify.ts';
import type { MetadataStore } from '../metadata/metadata-store.ts';
import { openSecretKey } from './data-folders.ts';

/** Where the trail of a server with this configuration is. */
export function auditFolder({ sections, storage }: Pick<Config, 'sections' | 'storage'>): string {
  const { folder } = auditSection.parse(sections.audit ?? {});
  return folder === undefined ? join(storage.volumes[0].rootDirectory, 'audit') : resolve(folder);
}

/** The trail of a store, with what the store itself knows of it. */
export function auditTools(config: Config, metadata: MetadataStore): AuditTools {
  return {
    async verify({ remembered, signal }) {
      if (!auditSection.parse(config.sections.audit ?? {}).enable) {
        throw new StoreError(
          'argument-invalid',
          'This configuration keeps no audit trail (extensions.audit.enable).',
        );
      }
      const secret = { extension: 'audit', purpose: SIGNING_PURPOSE };
      const { verifier } = signingKey(deriveSecret(await openSecretKey(config), secret));
      const known = new Map([...(await readAllKnown(metadata))].map(([stream, row]) => [stream, [row]]));
      for (const { stream, ...row } of remembered) {
        known.set(stream, [...(known.get(stream) ?? []), row]);
      }
      return verifyTrail({ folder: auditFolder(config), keys: [verifier], known, signal });
    },
  };
}
