import { StoreError } from '@zot-artifact-store/spec';
import { z } from 'zod';
import { type ApiRoute, defineRoute } from '../../../extension/api-route.ts';
import type { RootAccess } from '../identity/users/root-access.ts';

const state = z.strictObject({ enabled: z.boolean() });

/** `/root`: whether the root user may log in. */
export function rootRoutes(root: RootAccess): readonly ApiRoute[] {
  return [
    defineRoute({
      name: 'GetRoot',
      method: 'GET',
      path: '/root',
      summary: 'Whether the root user may log in.',
      access: () => [{ action: 'admin:GetRoot', resource: 'admin:root' }],
      status: 200,
      result: state,
      run: async () => ({ enabled: await root.isEnabled() }),
    }),
    defineRoute({
      name: 'SetRoot',
      method: 'PUT',
      path: '/root',
      summary: 'Lets the root user log in, or keeps it out; the latter only by another administrator.',
      access: () => [{ action: 'admin:SetRoot', resource: 'admin:root' }],
      body: state,
      status: 200,
      result: state,
      run: async ({ body: { enabled } }, { principal }) => {
        if (principal.kind === 'anonymous') throw new StoreError('unauthenticated', 'SetRoot needs a login');
        await root.set(enabled, principal);
        return { enabled };
      },
    }),
  ];
}
