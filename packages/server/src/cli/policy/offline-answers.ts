import { decide } from '../../extension/decide.ts';
import { AccessAuthorizer } from '../../extensions/rbac/access/authorizer.ts';
import { DeclaredPolicies } from '../../extensions/rbac/access/policies/declared-policies.ts';
import { PoliciesInForce } from '../../extensions/rbac/access/policies/policies-in-force.ts';
import { PolicyStore } from '../../extensions/rbac/access/policies/policy-store.ts';
import type { Answering } from '../../extensions/rbac/access/question.ts';
import { MemoryMetadataStore } from '../../metadata/memory/memory-metadata-store.ts';

/** Answers by policies alone, without a server: nobody has groups or roles but those a question names. */
export function offlineAnswers(section: ConstructorParameters<typeof DeclaredPolicies>[0]): Answering {
  const clock = { now: Date.now };
  // With nothing in it.
  const store = new PolicyStore({ metadata: new MemoryMetadataStore(), clock });
  const declared = new DeclaredPolicies(section);
  const authorizer = new AccessAuthorizer({
    zot: { groupsOf: () => [], authorize: () => ({ effect: 'abstain' }) },
    policies: new PoliciesInForce(store, declared, { error: () => {} }),
    ofEveryUser: declared.inForceForEveryUser(),
    clock,
    clientAddress: ({ remoteAddress }) => remoteAddress,
  });
  return {
    decide: (principal, permission, head) => decide([authorizer], principal, permission, head),
    identities: {
      userNamed: async (name) => ({ kind: 'user', name, groups: [], via: 'name', isRoot: false }),
    },
    // No user of a case is root: what root may do needs no test.
    rootUser: '',
  };
}
