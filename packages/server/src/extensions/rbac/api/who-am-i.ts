import { z } from 'zod';
import { defineRoute } from '../../../extension/api-route.ts';

const user = z.strictObject({
  name: z.string(),
  groups: z.array(z.string()),
  roles: z.array(z.string()),
  via: z.string().meta({ description: 'How the identity was proved.' }),
  isRoot: z.boolean(),
  subject: z.strictObject({ issuer: z.string(), id: z.string() }).optional(),
  credential: z.strictObject({ kind: z.string(), id: z.string() }).optional(),
});

/** Who the caller is to this server: the first thing to ask when something is refused. */
export const whoAmI = defineRoute({
  name: 'WhoAmI',
  method: 'GET',
  path: '/whoami',
  summary: 'Who the caller is to this server.',
  access: 'open',
  status: 200,
  result: z.union([z.strictObject({ anonymous: z.literal(true) }), user]),
  run: async (_input, { principal }) => {
    if (principal.kind === 'anonymous') return { anonymous: true as const };
    const { name, groups, roles = [], via, isRoot, subject, credential } = principal;
    return { name, groups: [...groups], roles: [...roles], via, isRoot, subject, credential };
  },
});
