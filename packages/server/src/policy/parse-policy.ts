import { z } from 'zod';
import { type CompiledCondition, compileCondition } from './condition.ts';
import { type Pattern, parsePattern } from './pattern.ts';
import { type Policy, PolicyProblem, type PrincipalPattern, type Statement } from './policy.ts';

export interface ParseOptions {
  /** Identity policies have no principals; policies of a bucket must have them. */
  readonly kind: 'identity' | 'resource';
  readonly maxBytes: number;
}

const oneOrMore = z.union([z.string(), z.array(z.string())]).transform((value) => [value].flat());
const principal = z.union([
  z.literal('*'),
  z.partialRecord(z.enum(['AWS', 'CanonicalUser', 'Federated', 'Service']), oneOrMore),
]);
const conditionValue = z
  .union([z.string(), z.number(), z.boolean(), z.array(z.union([z.string(), z.number(), z.boolean()]))])
  .transform((value) => [value].flat().map(String));

const statement = z.strictObject({
  Sid: z.string().optional(),
  Effect: z.enum(['Allow', 'Deny']),
  Principal: principal.optional(),
  NotPrincipal: principal.optional(),
  Action: oneOrMore.optional(),
  NotAction: oneOrMore.optional(),
  Resource: oneOrMore.optional(),
  NotResource: oneOrMore.optional(),
  Condition: z.record(z.string(), z.record(z.string(), conditionValue)).optional(),
});

const document = z.strictObject({
  Version: z.enum(['2012-10-17', '2008-10-17']).optional(),
  Id: z.string().optional(),
  // One statement may stand without a list.
  Statement: z.preprocess((value) => (Array.isArray(value) ? value : [value]), z.array(statement)),
});

type WrittenStatement = z.output<typeof statement>;

const MAX_STATEMENTS = 500;
const MAX_VALUES = 2000;

/** A policy document (IAM JSON policy language: grammar). Throws PolicyProblem with the place of what is wrong. */
export function parsePolicy(text: string, options: ParseOptions): Policy {
  if (Buffer.byteLength(text) > options.maxBytes) {
    throw new PolicyProblem('', `a policy may have ${options.maxBytes} bytes at most`);
  }
  const parsed = document.safeParse(parseJson(text));
  if (!parsed.success) {
    throw shapeProblem(parsed.error.issues[0]);
  }
  const { Version = '2008-10-17', Id, Statement } = parsed.data;
  if (Statement.length === 0) throw new PolicyProblem('Statement', 'there is no statement');
  if (Statement.length > MAX_STATEMENTS)
    throw new PolicyProblem('Statement', 'there are too many statements');
  const hasVariables = Version === '2012-10-17';
  return {
    version: Version,
    id: Id,
    statements: Statement.map((written, index) =>
      compile(written, { place: `Statement[${index}]`, hasVariables, kind: options.kind }),
    ),
  };
}

function shapeProblem(issue: z.core.$ZodIssue | undefined): PolicyProblem {
  const path = issue?.path ?? [];
  if (issue?.code !== 'unrecognized_keys') {
    return new PolicyProblem(placeOf(path), issue?.message ?? 'is not a policy');
  }
  const [key = ''] = issue.keys;
  return new PolicyProblem(placeOf([...path, key]), `"${key.slice(0, 80)}" is no key that is known here`);
}

function parseJson(text: string): unknown {
  if (!text.trimStart().startsWith('{')) throw new PolicyProblem('', 'a policy must be a JSON object');
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new PolicyProblem('', `the policy is not JSON: ${error instanceof Error ? error.message : ''}`);
  }
}

interface Context {
  readonly place: string;
  readonly hasVariables: boolean;
  readonly kind: ParseOptions['kind'];
}

function compile(written: WrittenStatement, context: Context): Statement {
  const { place, hasVariables } = context;
  assertOneOf(written, 'Action', 'NotAction', place);
  assertOneOf(written, 'Resource', 'NotResource', place);
  if (context.kind === 'resource') assertOneOf(written, 'Principal', 'NotPrincipal', place);
  else if (written.Principal !== undefined || written.NotPrincipal !== undefined) {
    throw new PolicyProblem(place, 'an identity policy has no Principal');
  }
  const patterns = (texts: readonly string[] | undefined): readonly Pattern[] | undefined =>
    texts?.map((source) => parsePattern(source, { hasVariables, hasWildcards: true }));
  const actions = patterns(written.Action);
  const notActions = patterns(written.NotAction);
  const resources = patterns(written.Resource);
  const notResources = patterns(written.NotResource);
  return {
    sid: written.Sid,
    effect: written.Effect === 'Allow' ? 'allow' : 'deny',
    ...(written.Principal && { principal: principalPattern(written.Principal, `${place}.Principal`) }),
    ...(written.NotPrincipal && {
      notPrincipal: principalPattern(written.NotPrincipal, `${place}.NotPrincipal`),
    }),
    ...(actions && { actions }),
    ...(notActions && { notActions }),
    ...(resources && { resources }),
    ...(notResources && { notResources }),
    conditions: compileConditions(written.Condition ?? {}, context),
  };
}

function compileConditions(
  written: NonNullable<WrittenStatement['Condition']>,
  { place, hasVariables }: Context,
): readonly CompiledCondition[] {
  const conditions: CompiledCondition[] = [];
  let count = 0;
  for (const [operator, keys] of Object.entries(written)) {
    for (const [key, values] of Object.entries(keys)) {
      count += values.length;
      if (count > MAX_VALUES) throw new PolicyProblem(`${place}.Condition`, 'there are too many values');
      const options = { place: `${place}.Condition.${operator}.${key}`, hasVariables };
      conditions.push(compileCondition(operator, key, values, options));
    }
  }
  return conditions;
}

function principalPattern(written: z.output<typeof principal>, place: string): PrincipalPattern {
  if (written === '*') return { kind: 'everyone' };
  const names = Object.values(written).flat();
  if (names.length === 0 || names.includes('')) throw new PolicyProblem(place, 'names nobody');
  return names.includes('*') ? { kind: 'everyone' } : { kind: 'some', names };
}

function assertOneOf(
  written: WrittenStatement,
  one: keyof WrittenStatement,
  other: keyof WrittenStatement,
  place: string,
): void {
  if (written[one] === undefined && written[other] === undefined) {
    throw new PolicyProblem(place, `${one} or ${other} is missing`);
  }
  if (written[one] !== undefined && written[other] !== undefined) {
    throw new PolicyProblem(place, `has both ${one} and ${other}`);
  }
}

function placeOf(path: readonly PropertyKey[]): string {
  return path.reduce<string>(
    (place, part) =>
      typeof part === 'number'
        ? `${place}[${part}]`
        : place === ''
          ? String(part)
          : `${place}.${String(part)}`,
    '',
  );
}
