import { z } from 'zod';
import { type ApiRoute, defineRoute } from '../../../extension/api-route.ts';
import type { Revocations } from './revocations.ts';

/** Temporary credentials stop working at once, in every worker; what made them may make new ones. */
export function revocationRoutes(revocations: Revocations): readonly ApiRoute[] {
  return [
    defineRoute({
      name: 'RevokeS3Sessions',
      method: 'DELETE',
      path: '/users/{name}/s3-sessions',
      summary: 'Ends all temporary S3 credentials the user has now.',
      access: ({ name = '' }) => [{ action: 'admin:RevokeS3Sessions', resource: `admin:user/${name}` }],
      params: z.strictObject({ name: z.string().min(1).max(255) }),
      status: 204,
      run: async ({ params: { name } }, context) => {
        context.note({ event: 'revocation', user: name });
        await revocations.revokeUser(name);
        return undefined;
      },
    }),
    defineRoute({
      name: 'RevokeS3KeySessions',
      method: 'DELETE',
      path: '/access-keys/{id}/s3-sessions',
      summary: 'Ends all temporary S3 credentials that were made with the access key.',
      access: ({ id = '' }) => [{ action: 'admin:RevokeS3KeySessions', resource: `admin:access-key/${id}` }],
      params: z.strictObject({ id: z.string().min(1).max(255) }),
      status: 204,
      run: async ({ params: { id } }, context) => {
        context.note({ event: 'revocation', accessKeyId: id });
        await revocations.revokeKey(id);
        return undefined;
      },
    }),
  ];
}
