import type { Permission } from '../../../extension/access.ts';

const ATTRIBUTE = 'zas:without-public';

/** The question whether somebody in particular may do it: what is granted to everybody does not count. */
export function withoutPublic(permission: Permission): Permission {
  return { ...permission, attributes: { ...permission.attributes, [ATTRIBUTE]: 'true' } };
}

export function isWithoutPublic({ attributes }: Permission): boolean {
  return attributes?.[ATTRIBUTE] !== undefined;
}
