import { z } from 'zod';
import { notYet } from './fields.ts';

const names = (what: string) =>
  z
    .array(z.string({ error: 'must be a name' }).max(1024), { error: 'must be a list of names' })
    .max(10_000)
    .optional()
    .meta({ description: what });

const actions = (what: string) =>
  z
    .array(
      z.enum(['read', 'create', 'update', 'delete'], {
        error: ({ input }) =>
          input === 'detectManifestCollision'
            ? '"detectManifestCollision" is not available yet'
            : 'must be one of "read", "create", "update" and "delete"',
      }),
      { error: 'must be a list of actions' },
    )
    .optional()
    .meta({ description: what });

const conditions = z
  .array(
    z.strictObject({
      expression: z.string({ error: 'must be an expression in CEL' }).min(1).max(2048).meta({
        description: 'Over `req`, as in zot; true lets the policy count.',
      }),
      message: z.string({ error: 'must be a string' }).max(1024).optional().meta({
        description: 'What a client is told in the detail of the 403 when it is not true.',
      }),
    }),
    { error: 'must be a list of conditions' },
  )
  .max(100)
  .optional()
  .meta({ description: 'All of them must hold: [{"expression": "...", "message": "..."}].' });

const policy = z.strictObject({
  users: names('The users it is about.'),
  groups: names('The groups it is about, of `groups` below and of the provider that vouches for a user.'),
  actions: actions('What they may do.'),
  conditions,
});

/** zot's `http.accessControl`. */
export const accessControl = z.strictObject({
  repositories: z
    .record(
      z.string().max(1024),
      z.strictObject({
        anonymousPolicy: actions('What a client without credentials may do there.'),
        defaultPolicy: actions('What everybody who is logged in may do there.'),
        policies: z.array(policy, { error: 'must be a list of policies' }).max(10_000).optional().meta({
          description:
            'What some may do there: [{"users": ["alice"], "groups": [], "actions": ["read"], "conditions": []}].',
        }),
      }),
    )
    .optional()
    .meta({
      description:
        'Rights by pattern of repository names ("team-a/**"); only the longest pattern that matches counts.',
    }),
  adminPolicy: policy.optional().meta({ description: 'Who may do what in every repository.' }),
  groups: z
    .record(z.string().max(1024), z.strictObject({ users: names('The users of the group.') }))
    .optional()
    .meta({ description: 'Groups of users: {"developers": {"users": ["alice"]}}.' }),
  metrics: notYet(),
});

export type AccessControlSection = z.output<typeof accessControl>;
