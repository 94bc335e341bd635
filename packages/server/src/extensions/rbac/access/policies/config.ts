import { z } from 'zod';
import { checkPolicy } from '../../../../policy/check-policy.ts';
import { BUILT_IN_POLICIES } from './built-in-policies.ts';
import { isPolicyName, POLICY_NAME_RULE } from './policy-name.ts';
import { repositoryNameProblem } from './repository-name.ts';
import { targetProblem } from './targets.ts';

const MAX_DECLARED = 1_000;
const MAX_NAMES = 100;

const document = z.record(z.string(), z.unknown(), { error: 'must be a policy document' });

const policyNames = z
  .array(z.string({ error: 'must be the name of a policy' }), { error: 'must be a list of policies' })
  .max(MAX_NAMES);

/** The keys of `extensions.rbac` that say what may be done. */
export const policyFields = {
  policies: z.record(z.string(), document).default({}).meta({
    description:
      'Policies by name, IAM documents: {"deployers": {"Version": "2012-10-17", "Statement": [...]}}. The API can read them and not change them.',
  }),
  attachments: z.record(z.string(), policyNames).default({}).meta({
    description:
      'Which of these policies, and of the built-in ones, somebody has: {"role:developer": ["deployers"]}; also user:, group: and access-key:.',
  }),
  everyUser: policyNames.default([]).meta({
    description: 'Policies that everybody who is logged in has. Default none.',
  }),
  repositoryPolicies: z.record(z.string(), document).default({}).meta({
    description:
      'Policies of repositories and of what lies below them, with a Principal: {"public": {...}} for public and public/*.',
  }),
};

type Fields = { readonly [Name in keyof typeof policyFields]: z.output<(typeof policyFields)[Name]> };

/** What is wrong with policies and attachments as a whole; a check of the section's schema. */
export function checkPolicyFields(fields: Fields, context: z.RefinementCtx): void {
  const refuse = (path: readonly string[], message: string): void => {
    context.addIssue({ code: 'custom', path: [...path], message });
  };
  for (const key of ['policies', 'attachments', 'repositoryPolicies'] as const) {
    if (Object.keys(fields[key]).length > MAX_DECLARED)
      refuse([key], `has more than ${MAX_DECLARED} entries`);
  }
  for (const [name, written] of Object.entries(fields.policies)) {
    const path = ['policies', name];
    if (!isPolicyName(name)) refuse(path, `is no name of a policy, which ${POLICY_NAME_RULE}`);
    if (Object.hasOwn(BUILT_IN_POLICIES, name)) refuse(path, 'is the name of a built-in policy');
    checkDocument(written, { kind: 'identity' }, (message) => refuse(path, message));
  }
  for (const [repository, written] of Object.entries(fields.repositoryPolicies)) {
    const path = ['repositoryPolicies', repository];
    const problem = repositoryNameProblem(repository);
    if (problem !== undefined) refuse(path, problem);
    else checkDocument(written, { kind: 'resource', repository }, (message) => refuse(path, message));
  }
  const isKnown = (name: string): boolean =>
    Object.hasOwn(fields.policies, name) || Object.hasOwn(BUILT_IN_POLICIES, name);
  for (const [target, names] of Object.entries(fields.attachments)) {
    const problem = targetProblem(target);
    if (problem !== undefined) refuse(['attachments', target], problem);
    for (const name of names.filter((one) => !isKnown(one))) {
      refuse(['attachments', target], `names "${name.slice(0, 80)}", which is neither declared nor built in`);
    }
  }
  for (const name of fields.everyUser.filter((one) => !isKnown(one))) {
    refuse(['everyUser'], `names "${name.slice(0, 80)}", which is neither declared nor built in`);
  }
}

function checkDocument(
  written: unknown,
  options: Parameters<typeof checkPolicy>[1],
  refuse: (message: string) => void,
): void {
  const checked = checkPolicy(JSON.stringify(written), options);
  if (checked.ok) return;
  // The document is a part of another text, so only its places mean something.
  for (const { place, message } of checked.findings) refuse(place === '' ? message : `${place}: ${message}`);
}
