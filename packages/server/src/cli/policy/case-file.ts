import { StoreError } from '@zot-artifact-store/spec';
import { z } from 'zod';
import { formatPath } from '../../config/key-path.ts';
import { parseText } from '../../config/parse-text.ts';
import { checkPolicyFields, policyFields } from '../../extensions/rbac/access/policies/config.ts';
import { questionFields } from '../../extensions/rbac/access/question.ts';

const cases = z
  .array(
    z.strictObject({
      ...questionFields,
      name: z.string().max(200).optional(),
      expect: z.enum(['allow', 'deny'], { error: 'must be "allow" or "deny"' }),
    }),
    { error: 'must be a list of cases' },
  )
  .min(1, 'must have a case')
  .max(1000, 'may have 1000 cases at most');

const withPolicies = z.strictObject({ ...policyFields, cases }).superRefine(checkPolicyFields);
const ofServer = z.strictObject({ cases });

export type PolicyCase = z.output<typeof cases>[number];

export interface CaseFile {
  readonly cases: readonly PolicyCase[];
  /** What decides; undefined leaves that to a server. */
  readonly policies: z.output<typeof withPolicies> | undefined;
}

/**
 * A file of cases, YAML or JSON. When it brings `policies`, `attachments`, `everyUser` or `repositoryPolicies` those alone
 * decide. Throws `argument-invalid` with everything that is wrong.
 */
export function parseCaseFile(text: string, file: string): CaseFile {
  const parsed = parseText(text);
  if (!parsed.ok) throw unusable(file, parsed.problems);
  const bringsPolicies = Object.keys(policyFields).some((key) => Object.hasOwn(parsed.value, key));
  if (!bringsPolicies) return { cases: read(ofServer, parsed.value, file).cases, policies: undefined };
  const policies = read(withPolicies, parsed.value, file);
  return { cases: policies.cases, policies };
}

function read<Schema extends z.ZodType>(schema: Schema, value: unknown, file: string): z.output<Schema> {
  const found = schema.safeParse(value);
  if (found.success) return found.data;
  const problems = found.error.issues.slice(0, 20);
  throw unusable(
    file,
    problems.map(({ path, message }) => `${formatPath(path)} ${message}`),
  );
}

function unusable(file: string, problems: readonly string[]): StoreError {
  return new StoreError('argument-invalid', `${file} cannot be used: ${problems.join('; ')}.`);
}
