import { z } from 'zod';
import { flag } from '../../../../config/fields.ts';
import { readPasswordHash } from './bcrypt-hash.ts';
import { DeclaredUsers } from './declared-users.ts';
import { localNameProblem, nameProblem } from './user-name.ts';
import { USER_SOURCES } from './user-record.ts';

const passwordHash = z
  .string({ error: 'must be a string' })
  .transform((hash, context) => {
    const read = readPasswordHash(hash);
    if (read.ok) return read.hash;
    context.addIssue({ code: 'custom', message: read.problem });
    return z.NEVER;
  })
  .optional()
  .meta({ description: 'The hash of the password, as `htpasswd -nB` makes it. Never a password.' });

const user = z
  .strictObject({
    source: z
      .enum(USER_SOURCES, { error: `must be one of ${USER_SOURCES.join(', ')}` })
      .default('local')
      .meta({ description: 'Who vouches for the user.' }),
    description: z.string().max(512).default(''),
    passwordHash,
    disabled: flag('True keeps the user out.'),
  })
  .refine(({ source, passwordHash }) => source === 'local' || passwordHash === undefined, {
    path: ['passwordHash'],
    error: 'is for users of source "local" only',
  });

const group = z.strictObject({
  description: z.string().max(512).default(''),
  members: z
    .array(
      z.string().refine((name) => nameProblem(name) === undefined, { error: 'is not a name of a user' }),
      {
        error: 'must be a list of names of users',
      },
    )
    .max(10_000)
    .default([])
    .meta({ description: 'Names of users, whoever vouches for them.' }),
});

const name = z.string().superRefine((text, context) => {
  const problem = localNameProblem(text);
  if (problem !== undefined) context.addIssue({ code: 'custom', message: problem });
});

/** `users`, `groups` and `root` of the section `extensions.rbac`. */
export const userFields = {
  users: z.record(name, user).default({}).meta({ description: 'Users by name; the API can only show them.' }),
  groups: z
    .record(name, group)
    .default({})
    .meta({ description: 'Groups by name; the API can only show them.' }),
  root: flag(
    'Whether the root user may log in. True is the way back when everybody else is locked out. Default: as the API says, at first true.',
  ),
};

interface UsersSection {
  readonly users: Readonly<Record<string, z.output<typeof user>>>;
  readonly groups: Readonly<Record<string, z.output<typeof group>>>;
}

export function declaredUsers({ users, groups }: UsersSection): DeclaredUsers {
  const declared = Object.entries(users).map(
    ([name, { disabled, ...rest }]) => [name, { ...rest, isDisabled: disabled === true }] as const,
  );
  return new DeclaredUsers(Object.fromEntries(declared), groups);
}
