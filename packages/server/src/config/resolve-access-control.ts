import type { AccessControlSection } from './access-control-schema.ts';
import type { AccessControlConfig, AccessPolicyConfig } from './config.ts';

/** zot's `http.accessControl` with every list filled in. */
export function resolveAccessControl(section: AccessControlSection): AccessControlConfig {
  const { repositories = {}, adminPolicy, groups = {} } = section;
  return {
    repositories: Object.fromEntries(
      Object.entries(repositories).map(([pattern, access]) => [
        pattern,
        {
          policies: (access.policies ?? []).map(resolvePolicy),
          defaultPolicy: access.defaultPolicy ?? [],
          anonymousPolicy: access.anonymousPolicy ?? [],
        },
      ]),
    ),
    ...(adminPolicy !== undefined && { adminPolicy: resolvePolicy(adminPolicy) }),
    groups: Object.fromEntries(Object.entries(groups).map(([name, { users }]) => [name, users ?? []])),
  };
}

type PolicySection = NonNullable<AccessControlSection['adminPolicy']>;

function resolvePolicy({ users, groups, actions, conditions }: PolicySection): AccessPolicyConfig {
  return {
    users: users ?? [],
    groups: groups ?? [],
    actions: actions ?? [],
    conditions: (conditions ?? []).map(({ expression, message = '' }) => ({ expression, message })),
  };
}
