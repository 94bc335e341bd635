import type { ApiRoute } from '../../../extension/api-route.ts';
import type { Authorizer, ExtensionHost } from '../../../extension/contract.ts';
import { clientAddresses } from '../../../http/client-address.ts';
import { attachmentRoutes } from '../api/attachments.ts';
import { explainRoutes } from '../api/explain.ts';
import { policyRoutes } from '../api/policies.ts';
import type { RbacSection } from '../config.ts';
import type { RbacOptions } from '../options.ts';
import { AccessAuthorizer } from './authorizer.ts';
import { DeclaredPolicies } from './policies/declared-policies.ts';
import { PoliciesInForce } from './policies/policies-in-force.ts';
import { PolicyStore } from './policies/policy-store.ts';
import { ZotRules } from './zot/zot-rules.ts';

export interface Access {
  readonly authorizer: Authorizer;
  readonly store: PolicyStore;
  readonly api: readonly ApiRoute[];
}

/** What users may do: the rules of the configuration and the policies of the store, as one authorizer. */
export function setUpAccess(options: RbacOptions, section: RbacSection, host: ExtensionHost): Access {
  const { clock } = host;
  const store = new PolicyStore(host);
  const declared = new DeclaredPolicies(section);
  const authorizer = new AccessAuthorizer({
    zot: new ZotRules(options, host),
    policies: new PoliciesInForce(store, declared, host.log),
    ofEveryUser: declared.inForceForEveryUser(),
    clock,
    clientAddress: clientAddresses(section.trustedProxies),
  });
  const routes = { store, declared, adminActions: () => host.adminActions() };
  const api = [
    ...policyRoutes(routes),
    ...attachmentRoutes(routes),
    ...explainRoutes({ ...host, rootUser: options.rootUser }),
  ];
  return { authorizer, store, api };
}
