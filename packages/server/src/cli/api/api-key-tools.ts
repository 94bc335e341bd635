import { z } from 'zod';
import type { AccessKey } from '../../extensions/s3/auth/access-keys.ts';
import type { AccessKeyTools } from '../services.ts';
import { type ApiClient, apiPath } from './api-client.ts';

const accessKey = z.object({
  accessKeyId: z.string(),
  user: z.string(),
  description: z.string(),
  createdAt: z.string(),
  enabled: z.boolean(),
});

/** The access keys of a server, as far as the caller may see and change them. */
export function apiKeyTools(api: ApiClient): AccessKeyTools {
  const setEnabled = async (id: string, enabled: boolean): Promise<AccessKey> =>
    known(
      await api.call(accessKey, { method: 'PATCH', path: apiPath`/access-keys/${id}`, body: { enabled } }),
    );
  return {
    async create(wanted) {
      const schema = accessKey.extend({ secretAccessKey: z.string() });
      const made = await api.call(schema, { method: 'POST', path: '/access-keys', body: wanted });
      return { ...known(made), secretAccessKey: made.secretAccessKey };
    },
    async list(user) {
      const found: AccessKey[] = [];
      const query = { user, limit: 500 };
      for await (const key of api.items(accessKey, { path: '/access-keys', query })) found.push(known(key));
      return found;
    },
    enable: (id) => setEnabled(id, true),
    disable: (id) => setEnabled(id, false),
    delete: async (id) =>
      known(await api.call(accessKey, { method: 'DELETE', path: apiPath`/access-keys/${id}` })),
  };
}

function known({ createdAt, enabled, ...key }: z.output<typeof accessKey>): AccessKey {
  return { ...key, createdAtMs: Date.parse(createdAt), isEnabled: enabled };
}
