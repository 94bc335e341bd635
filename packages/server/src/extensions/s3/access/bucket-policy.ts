import { parsePolicy } from '../../../policy/parse-policy.ts';
import { matches, parsePattern } from '../../../policy/pattern.ts';
import { type Policy, PolicyProblem, type Statement } from '../../../policy/policy.ts';
import { ALL_ACTIONS, BUCKET_ACTIONS } from '../actions.ts';
import { S3Error } from '../errors.ts';

export const MAX_POLICY_BYTES = 20 * 1024;

const NO_VARIABLES = () => undefined;
const ARN = 'arn:aws:s3:::';

/**
 * The policy document of a bucket: a resource policy about this bucket and its objects alone, with at least one known
 * action in each statement that fits one of its resources. Throws MalformedPolicy that says where.
 */
export function parseBucketPolicy(text: string, bucket: string): Policy {
  try {
    const policy = parsePolicy(text, { kind: 'resource', maxBytes: MAX_POLICY_BYTES });
    for (const [index, statement] of policy.statements.entries()) {
      if (statement.effect === 'allow' && statement.notPrincipal !== undefined) {
        throw new PolicyProblem(`Statement[${index}]`, 'Allow with NotPrincipal is not supported');
      }
      assertResources(statement, bucket, `Statement[${index}]`);
      assertActions(statement, `Statement[${index}]`);
    }
    return policy;
  } catch (error) {
    if (!(error instanceof PolicyProblem)) throw error;
    throw new S3Error('MalformedPolicy', `The policy is not valid: ${error.message}.`, { cause: error });
  }
}

function assertResources({ resources, notResources }: Statement, bucket: string, place: string): void {
  for (const { source } of [...(resources ?? []), ...(notResources ?? [])]) {
    const isOwn = source === `${ARN}${bucket}` || source.startsWith(`${ARN}${bucket}/`);
    // A wildcard in the bucket's place is fine as long as this bucket is meant.
    const [name = ''] = source.slice(ARN.length).split('/');
    const fits =
      source.startsWith(ARN) && /[*?]/.test(name) && !source.includes('$')
        ? matches(parsePattern(name, { hasVariables: false, hasWildcards: true }), bucket, NO_VARIABLES)
        : false;
    if (!isOwn && !fits) {
      throw new PolicyProblem(
        place,
        `"${source.slice(0, 120)}" is not this bucket or an object of it (Policy has invalid resource)`,
      );
    }
  }
}

function assertActions({ actions, notActions, resources }: Statement, place: string): void {
  for (const pattern of [...(actions ?? []), ...(notActions ?? [])]) {
    if (!ALL_ACTIONS.some((action) => matches(pattern, action, NO_VARIABLES, true))) {
      throw new PolicyProblem(
        place,
        `"${pattern.source.slice(0, 120)}" is not an action (Policy has invalid action)`,
      );
    }
  }
  if (actions === undefined || resources === undefined) return;
  const hasBucket = resources.some(({ source }) => !source.slice(ARN.length).includes('/'));
  const hasObject = resources.some(({ source }) => source.includes('/') || source.endsWith('*'));
  const fits = actions.some((pattern) =>
    ALL_ACTIONS.some(
      (action) =>
        matches(pattern, action, NO_VARIABLES, true) && (BUCKET_ACTIONS.has(action) ? hasBucket : hasObject),
    ),
  );
  if (!fits) {
    throw new PolicyProblem(place, 'Action does not apply to any resource(s) in statement');
  }
}

/** Keys that make a grant to everybody one to a few ("The meaning of public"). */
const NARROWING: ReadonlySet<string> = new Set([
  'aws:sourceip',
  'aws:sourcearn',
  'aws:sourceaccount',
  'aws:sourcevpc',
  'aws:sourcevpce',
  'aws:principalorgid',
  'aws:principalarn',
  'aws:principalaccount',
  'aws:userid',
  'aws:username',
  's3:dataaccesspointarn',
  's3:dataaccesspointaccount',
]);
const FIXED = /^(stringequals|stringequalsignorecase|stringlike|arnequals|arnlike|ipaddress)/;

/** Whether any statement grants something to everybody. */
export function isPublicPolicy({ statements }: Policy): boolean {
  return statements.some(isPublicStatement);
}

/** An Allow for everybody without a condition that narrows it to fixed values. */
export function isPublicStatement({ effect, principal, conditions }: Statement): boolean {
  if (effect !== 'allow') return false;
  if (principal?.kind !== 'everyone') return false;
  return !conditions.some(
    ({ operator, key, values }) =>
      NARROWING.has(key) &&
      FIXED.test(operator.toLowerCase()) &&
      values.every((value) => !value.includes('*') && value !== '0.0.0.0/0' && value !== '::/0'),
  );
}
