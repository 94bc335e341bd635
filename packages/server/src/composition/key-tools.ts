import { StoreError } from '@zot-artifact-store/spec';
import type { AccessKeyTools } from '../cli/services.ts';
import type { Config } from '../config/config.ts';
import { deriveSecret } from '../data-folder/secret-key.ts';
import { ACCESS_KEY_PURPOSE, type AccessKey, AccessKeys } from '../extensions/s3/auth/access-keys.ts';
import type { MetadataStore } from '../metadata/metadata-store.ts';
import { openSecretKey } from './data-folders.ts';

const PAGE = 500;

/** The access keys of a store, sealed as the S3 extension of a server on it opens them. */
export function accessKeyTools(
  config: Config,
  { metadata, clock }: { readonly metadata: MetadataStore; readonly clock: { now(): number } },
): AccessKeyTools {
  const open = async (): Promise<AccessKeys> => {
    const sealingKey = deriveSecret(await openSecretKey(config), {
      extension: 's3',
      purpose: ACCESS_KEY_PURPOSE,
    });
    return new AccessKeys({ metadata, clock, sealingKey });
  };
  return {
    async create({ user, ...wanted }) {
      if (user === undefined) throw new StoreError('argument-invalid', 'An access key needs a user.');
      if (wanted.accessKeyId === config.access.rootUser) {
        throw new StoreError(
          'argument-invalid',
          `${config.access.rootUser} is the root user, whose name is an access key already; choose another one.`,
        );
      }
      return (await open()).create({ ...wanted, user });
    },
    async list(user) {
      const keys = await open();
      const found: AccessKey[] = [];
      for (;;) {
        const after = found.at(-1)?.accessKeyId;
        const page = await keys.list({
          limit: PAGE,
          ...(user !== undefined && { user }),
          ...(after !== undefined && { after }),
        });
        found.push(...page);
        if (page.length < PAGE) return found;
      }
    },
    enable: async (accessKeyId) => (await open()).setEnabled(accessKeyId, true),
    disable: async (accessKeyId) => (await open()).setEnabled(accessKeyId, false),
    delete: async (accessKeyId) => (await open()).delete(accessKeyId),
  };
}
