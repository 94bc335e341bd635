import { z } from 'zod';
import { checkPolicyFields, policyFields } from './access/policies/config.ts';
import { providersField } from './identity/oidc/config.ts';
import { proxyFields } from './identity/proxy-fields.ts';
import { sessionFields } from './identity/sessions/config.ts';
import { tokenFields } from './identity/tokens/config.ts';
import { userFields } from './identity/users/config.ts';

/** `extensions.rbac` of the config file. */
export const rbacSection = z
  .strictObject({
    ...userFields,
    ...proxyFields,
    ...tokenFields,
    ...sessionFields,
    providers: providersField,
    ...policyFields,
  })
  .superRefine(checkPolicyFields)
  .meta({ description: 'Users, keys, policies and their providers.' });

export type RbacSection = z.output<typeof rbacSection>;
