import { extensionKey } from '../../../../extension/keyspace.ts';
import type { Key } from '../../../../metadata/metadata-store.ts';

/** `identity` policies are attached to users and what they have; `repository` policies are named as what they rule. */
export type PolicyKind = 'identity' | 'repository';

const EXTENSION = 'rbac';

/** Where policies are kept. */
export const policyKeys = {
  /** Changes with every change of a policy or an attachment. */
  generation: (): Key => extensionKey(EXTENSION, 'policy-generation'),
  policies: (kind: PolicyKind): Key => extensionKey(EXTENSION, 'policy', kind),
  policy: (kind: PolicyKind, name: string): Key => extensionKey(EXTENSION, 'policy', kind, name),
  texts: (revision: string): Key => extensionKey(EXTENSION, 'policy-text', revision),
  text: (revision: string, row: number): Key => extensionKey(EXTENSION, 'policy-text', revision, row),
  /** By target: `user:alice`. */
  attachments: (): Key => extensionKey(EXTENSION, 'attached'),
  attachedTo: (target: string): Key => extensionKey(EXTENSION, 'attached', target),
  attachment: (target: string, policy: string): Key => extensionKey(EXTENSION, 'attached', target, policy),
  targetsOf: (policy: string): Key => extensionKey(EXTENSION, 'attached-policy', policy),
  target: (policy: string, target: string): Key => extensionKey(EXTENSION, 'attached-policy', policy, target),
};
