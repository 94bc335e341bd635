import { z } from 'zod';

/** `extensions.rbac` of the config file. */
export const rbacSection = z
  .strictObject({})
  .meta({ description: 'Users, keys, policies and their providers.' });

export type RbacSection = z.output<typeof rbacSection>;
