import { StoreError } from '@zot-artifact-store/spec';
import { checkPolicy, findingText } from '../../../policy/check-policy.ts';
import type { PolicyKind } from '../access/policies/policy-keys.ts';

export interface DocumentToCheck {
  readonly kind: PolicyKind;
  /** Of the policy; for one of a repository, of that. */
  readonly name: string;
  readonly adminActions: readonly string[];
}

/** Throws `argument-invalid` with all that is wrong with a policy document, by line and column. */
export function checkDocument(text: string, { kind, name, adminActions }: DocumentToCheck): void {
  const checked = checkPolicy(
    text,
    kind === 'identity' ? { kind, adminActions } : { kind: 'resource', repository: name },
  );
  if (checked.ok) return;
  const [first] = checked.findings;
  const more = checked.findings.length > 1 ? ` (and ${checked.findings.length - 1} more)` : '';
  throw new StoreError(
    'argument-invalid',
    `the policy is not valid: ${first === undefined ? '' : findingText(first)}${more}`,
    { detail: { findings: checked.findings } },
  );
}
