import { JsonProblem, type JsonSource, readJson, type TextPosition } from './json-source.ts';
import { OCI_ACTIONS, S3_ACTIONS } from './known-actions.ts';
import { keyProblem } from './known-keys.ts';
import { parsePolicy } from './parse-policy.ts';
import { matches, type Pattern } from './pattern.ts';
import { type Policy, PolicyProblem, type Statement } from './policy.ts';

/** Something that is wrong with a policy document. */
export interface PolicyFinding extends TextPosition {
  /** `Statement[0].Action`; '' is the whole document. */
  readonly place: string;
  readonly message: string;
}

export interface CheckPolicyOptions {
  readonly kind: 'identity' | 'resource';
  /** The actions of the management API; without them any name that could be one is taken. */
  readonly adminActions?: readonly string[];
  /** Of a repository: its policy speaks of it and of what lies below it alone. */
  readonly repository?: string;
}

export type CheckedPolicy =
  | { readonly ok: true; readonly policy: Policy }
  | { readonly ok: false; readonly findings: readonly PolicyFinding[] };

export const MAX_POLICY_BYTES = 32 * 1024;
const MAX_FINDINGS = 50;
const MAX_PATTERN_LENGTH = 2048;
const MAX_WILDCARDS = 16;
const MAX_SID_LENGTH = 128;
const ARN = /^arn:([^:]*):([^:]*):([^:]*):([^:]*):(.+)$/s;
const SERVICES: Readonly<Record<string, readonly string[]>> = {
  aws: ['s3'],
  zas: ['oci', 'admin', 'trust'],
};
const REPOSITORY_ARN = 'arn:zas:oci:::';
const NOTHING = (): undefined => undefined;
const OTHER_SERVICE = /^(?:admin|trust):[A-Z][A-Za-z0-9]*$/;

/** All that is wrong with a policy document and where it stands in the text, or the policy. */
export function checkPolicy(text: string, options: CheckPolicyOptions): CheckedPolicy {
  let source: JsonSource;
  try {
    if (Buffer.byteLength(text) > MAX_POLICY_BYTES) {
      throw new JsonProblem(`a policy has ${MAX_POLICY_BYTES} bytes at most`, { line: 1, column: 1 });
    }
    source = readJson(text);
  } catch (error) {
    if (!(error instanceof JsonProblem)) throw error;
    return { ok: false, findings: [{ place: '', message: error.message, ...error.position }] };
  }
  const at = ({ place, what }: PolicyProblem): PolicyFinding => {
    const written = hasList(source) ? place : place.replace(/^Statement\[0\]/, 'Statement');
    return { place: written, message: what, ...source.positionOf(written) };
  };
  try {
    const policy = parsePolicy(text, { kind: options.kind, maxBytes: MAX_POLICY_BYTES });
    const problems = policy.statements.flatMap((statement, index) => [
      ...statementProblems(statement, `Statement[${index}]`, { ...options, version: policy.version }),
    ]);
    problems.push(...doubledSids(policy));
    if (problems.length === 0) return { ok: true, policy };
    return { ok: false, findings: problems.slice(0, MAX_FINDINGS).map(at) };
  } catch (error) {
    if (!(error instanceof PolicyProblem)) throw error;
    return { ok: false, findings: [at(error)] };
  }
}

/** `3:17 Statement[0].Action: "s3:Fly" is not an action`. */
export function findingText({ line, column, place, message }: PolicyFinding): string {
  return `${line}:${column} ${place === '' ? '' : `${place}: `}${message}`;
}

/** A lone statement may stand without a list. */
function hasList({ value }: JsonSource): boolean {
  return (
    typeof value === 'object' && value !== null && 'Statement' in value && Array.isArray(value.Statement)
  );
}

interface StatementContext extends CheckPolicyOptions {
  readonly version: Policy['version'];
}

function* statementProblems(
  statement: Statement,
  place: string,
  context: StatementContext,
): Generator<PolicyProblem> {
  const { sid, actions, notActions, resources, notResources, conditions } = statement;
  yield* principalProblems(statement, place);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is refused
  if (sid !== undefined && (sid.length > MAX_SID_LENGTH || /[\x00-\x1f\x7f]/.test(sid))) {
    yield new PolicyProblem(
      `${place}.Sid`,
      `has more than ${MAX_SID_LENGTH} characters, or control characters`,
    );
  }
  const listed = (key: string, patterns: readonly Pattern[] | undefined) =>
    (patterns ?? []).map((pattern, index) => ({ pattern, at: `${place}.${key}[${index}]` }));
  for (const { pattern, at } of [...listed('Action', actions), ...listed('NotAction', notActions)]) {
    yield* patternProblems(pattern, at, context);
    if (!isAction(pattern, context)) {
      yield new PolicyProblem(at, `"${pattern.source.slice(0, 120)}" is not an action of this server`);
    }
  }
  for (const { pattern, at } of [...listed('Resource', resources), ...listed('NotResource', notResources)]) {
    yield* patternProblems(pattern, at, context);
    const problem = resourceProblem(pattern, context);
    if (problem !== undefined) yield new PolicyProblem(at, problem);
  }
  for (const { operator, key, values } of conditions) {
    const at = `${place}.Condition.${operator}`;
    const problem = keyProblem(key);
    if (problem !== undefined) yield new PolicyProblem(at, `"${key.slice(0, 120)}" ${problem}`);
    if (values.length === 0) yield new PolicyProblem(at, `"${key.slice(0, 120)}" has no values`);
    for (const value of values) yield* textProblems(value, at, context);
  }
}

const PRINCIPAL = /^arn:(?:aws|zas):iam::[^:]*:(?:user|group|role)\/.+$/s;

function* principalProblems({ principal, notPrincipal }: Statement, place: string): Generator<PolicyProblem> {
  for (const [key, named] of [
    ['Principal', principal],
    ['NotPrincipal', notPrincipal],
  ] as const) {
    if (named?.kind !== 'some') continue;
    for (const name of named.names) {
      if (PRINCIPAL.test(name) || (name !== '' && !/[:*?]/.test(name))) continue;
      yield new PolicyProblem(
        `${place}.${key}`,
        `"${name.slice(0, 120)}" names nobody; write "*", a user's name, or arn:zas:iam:::user/<name>, group/<name> or role/<name>`,
      );
    }
  }
}

function* patternProblems(
  { source }: Pattern,
  place: string,
  context: StatementContext,
): Generator<PolicyProblem> {
  if (source === '') yield new PolicyProblem(place, 'is empty');
  yield* textProblems(source, place, context);
}

/** Variables, wildcards and length of what a request is compared with. */
function* textProblems(
  source: string,
  place: string,
  { version }: StatementContext,
): Generator<PolicyProblem> {
  if (source.length > MAX_PATTERN_LENGTH) {
    yield new PolicyProblem(place, `has more than ${MAX_PATTERN_LENGTH} characters`);
    return;
  }
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is refused
  if (/[\x00-\x1f\x7f]/.test(source)) yield new PolicyProblem(place, 'has control characters');
  const wildcards = source.replaceAll(/\*+/g, '*').match(/[*?]/g)?.length ?? 0;
  if (wildcards > MAX_WILDCARDS) {
    yield new PolicyProblem(place, `has ${wildcards} wildcards; ${MAX_WILDCARDS} are the most`);
  }
  const variables = [...source.matchAll(/\$\{([^}]*)\}/g)].map(([, inner = '']) => inner);
  if (version !== '2012-10-17') {
    if (variables.length > 0) {
      yield new PolicyProblem(place, 'has a variable, which only documents of Version "2012-10-17" know');
    }
    return;
  }
  for (const inner of variables) {
    const name = (inner.split(',')[0] ?? '').trim().toLowerCase();
    if (['*', '?', '$'].includes(name)) continue;
    const problem = keyProblem(name);
    if (problem !== undefined)
      yield new PolicyProblem(place, `the variable \${${inner.slice(0, 80)}} ${problem}`);
  }
}

function isAction(pattern: Pattern, { kind, adminActions }: StatementContext): boolean {
  const known = kind === 'resource' ? OCI_ACTIONS : [...OCI_ACTIONS, ...S3_ACTIONS, ...(adminActions ?? [])];
  if (known.some((action) => matches(pattern, action, NOTHING, true))) return true;
  if (kind === 'resource') return false;
  if (adminActions === undefined && OTHER_SERVICE.test(pattern.source)) return true;
  // Their names come with the extensions that bring them.
  return /^(?:trust|admin):[A-Za-z?*]*\*$/.test(pattern.source);
}

function resourceProblem({ source }: Pattern, { kind, repository }: StatementContext): string | undefined {
  const shown = `"${source.slice(0, 120)}"`;
  if (repository !== undefined) {
    const own = `${REPOSITORY_ARN}${repository}`;
    if (source === own || source.startsWith(`${own}/`)) return undefined;
    return `${shown} is not this repository or one below it: ${own}, ${own}/*`;
  }
  if (source === '*') return undefined;
  const [, partition = '', service = '', region = '', account = ''] = ARN.exec(source) ?? [];
  const services = SERVICES[partition];
  const forms =
    'write "*", arn:zas:oci:::<repository>, arn:aws:s3:::<bucket>/<key> or arn:zas:admin:::<resource>';
  if (services === undefined) return `${shown} is not an ARN of this server; ${forms}`;
  if (!services.includes(service)) {
    return `${shown}: the partition "${partition}" has the services ${services.join(', ')}`;
  }
  if (kind === 'resource' && service !== 'oci') return `${shown} is no repository`;
  if (region.replaceAll('*', '') !== '' || account.replaceAll('*', '') !== '') {
    return `${shown} names a region or an account, and this server has none; leave them empty`;
  }
  return undefined;
}

function doubledSids({ statements }: Policy): readonly PolicyProblem[] {
  const seen = new Set<string>();
  return statements.flatMap(({ sid }, index) => {
    if (sid === undefined || !seen.has(sid)) {
      if (sid !== undefined) seen.add(sid);
      return [];
    }
    return [
      new PolicyProblem(`Statement[${index}].Sid`, `"${sid.slice(0, 80)}" is the Sid of another statement`),
    ];
  });
}
