import type { UserPrincipal } from '../../../../extension/access.ts';

const TARGET = /^(user|group|role|access-key):(.+)$/s;
const MAX_BYTES = 400;

/** Whether policies can be attached to it: `user:alice`, `group:devs`, `role:developer`, `access-key:ZAS...`. */
export function targetProblem(target: string): string | undefined {
  const form = 'write user:<name>, group:<name>, role:<name> or access-key:<id>';
  if (!TARGET.test(target))
    return `"${target.slice(0, 120)}" is nothing a policy can be attached to; ${form}`;
  // biome-ignore lint/suspicious/noControlCharactersInRegex: no name has them
  if (/[\x00-\x1f\x7f]/.test(target)) return 'a name has no control characters';
  if (Buffer.byteLength(target) > MAX_BYTES) return `a name has ${MAX_BYTES} bytes at most`;
  return undefined;
}

/** Everything somebody has that policies may be attached to. `groups` are those the configuration adds. */
export function targetsOf(
  { name, groups, roles = [], assumedRole, accessKeyId, parentAccessKeyId }: UserPrincipal,
  moreGroups: readonly string[],
): readonly string[] {
  const own = [
    `user:${name}`,
    ...[...groups, ...moreGroups].map((group) => `group:${group}`),
    ...roles.map((role) => `role:${role}`),
  ];
  const targets = new Set([
    ...(assumedRole === undefined ? own : [`role:${assumedRole}`]),
    ...[accessKeyId, parentAccessKeyId].filter((id) => id !== undefined).map((id) => `access-key:${id}`),
  ]);
  // An issuer may call a group whatever it likes; nothing can be attached to the rest.
  return [...targets].filter((target) => targetProblem(target) === undefined);
}
