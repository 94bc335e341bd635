import { type ASTNode, Environment, type ParseResult } from '@marcbachmann/cel-js';

/** What a condition looks at: zot's `req`. Numbers of the token's claims are doubles, as JSON's are. */
export interface ConditionRequest {
  readonly time: Date;
  readonly method: string;
  readonly userAgent: string;
  readonly action: string;
  readonly repository: string;
  readonly reference: string;
  readonly referenceType: 'tag' | 'digest' | '';
  readonly tag: string;
  readonly digest: string;
  readonly user: { readonly username: string; readonly groups: readonly string[] };
  readonly auth: { readonly anonymous: boolean; readonly admin: boolean };
  readonly client: { readonly ip: string; readonly forwardedFor: readonly string[] };
  readonly tls: { readonly enabled: boolean; readonly version: string };
  readonly claims: Readonly<Record<string, unknown>>;
}

export interface CelCondition {
  readonly expression: string;
  readonly message: string;
  /** What does not give true, fails, or would cost too much does not hold. */
  holds(request: ConditionRequest): boolean;
}

/** An expression that can never be evaluated; the message says where and why. */
export class ConditionProblem extends Error {
  override readonly name = 'ConditionProblem';
}

const MAX_LENGTH = 2048;
const MAX_NESTED_LOOPS = 2;
/** Steps of an evaluation: nodes of the expression times the lists its loops go through. */
const MAX_COST = 200_000;
/** What a regular expression looks at is never longer, so that it cannot take long. */
const MAX_MATCHED_LENGTH = 512;

const environment = new Environment({
  homogeneousAggregateLiterals: false,
  limits: { maxAstNodes: 500, maxDepth: 32, maxListElements: 200, maxMapEntries: 50, maxCallArguments: 8 },
}).registerVariable('req', 'map');

/** A condition of zot's `accessControl`, in CEL over `req`. Throws ConditionProblem. */
export function compileCel(expression: string, message: string): CelCondition {
  if (expression.length > MAX_LENGTH) throw new ConditionProblem(`has more than ${MAX_LENGTH} characters`);
  const program = parse(expression);
  const shape = { nodes: 0, loops: 0, sums: 0, literals: 0, hasMatches: false };
  measure(program.ast, 0, shape);
  if (shape.loops > MAX_NESTED_LOOPS) {
    throw new ConditionProblem(`has loops in loops in loops; ${MAX_NESTED_LOOPS} deep is what is evaluated`);
  }
  return {
    expression,
    message,
    holds(request) {
      if (costOf(shape, request) > MAX_COST) return false;
      if (shape.hasMatches && longestText(request) > MAX_MATCHED_LENGTH) return false;
      try {
        return program({ req: request }) === true;
      } catch {
        // A claim that is not there, a comparison of unlike things: as in zot, no grant.
        return false;
      }
    },
  };
}

function parse(expression: string): ParseResult {
  try {
    const program = environment.parse(expression);
    const checked = program.check();
    if (!checked.valid) throw checked.error ?? new Error('has a type that does not fit');
    if (checked.type !== 'bool' && checked.type !== 'dyn') {
      throw new Error(`gives ${checked.type}, and a condition is true or false`);
    }
    return program;
  } catch (error) {
    const [line = ''] = error instanceof Error ? error.message.split('\n') : [];
    throw new ConditionProblem(`is no condition in CEL: ${line}`, { cause: error });
  }
}

interface Shape {
  nodes: number;
  /** How deep loops (`all`, `exists`, `map`, ...) lie in each other. */
  loops: number;
  sums: number;
  /** Elements of the longest list that is written out. */
  literals: number;
  hasMatches: boolean;
}

const LOOPS: ReadonlySet<string> = new Set(['all', 'exists', 'exists_one', 'existsOne', 'map', 'filter']);

function measure(node: ASTNode, depth: number, shape: Shape): void {
  shape.nodes += 1;
  shape.loops = Math.max(shape.loops, depth);
  if (node.op === '+') shape.sums += 1;
  if (node.op === 'list' || node.op === 'map') shape.literals = Math.max(shape.literals, node.args.length);
  if (node.op === 'rcall') {
    const [name, receiver, args] = node.args;
    if (name === 'matches') {
      shape.hasMatches = true;
      assertQuickPattern(args[0]);
    }
    measure(receiver, depth, shape);
    const inner = LOOPS.has(name) ? depth + 1 : depth;
    for (const argument of args) measure(argument, inner, shape);
    return;
  }
  if (node.op === 'call' && node.args[0] === 'matches') {
    shape.hasMatches = true;
    assertQuickPattern(node.args[1][1]);
  }
  for (const child of childrenOf(node.args)) measure(child, depth, shape);
}

function* childrenOf(args: unknown): Generator<ASTNode> {
  if (Array.isArray(args)) for (const part of args) yield* childrenOf(part);
  // Every node has an operator; literals are no objects with one.
  else if (typeof args === 'object' && args !== null && 'op' in args) yield args as ASTNode;
}

/**
 * JavaScript's regular expressions go back to try another way, which takes for ever in the wrong pattern. What is
 * written out, repeats at most three times, none of them in each other, is over soon for a short text.
 */
function assertQuickPattern(node: ASTNode | undefined): void {
  if (node?.op !== 'value' || typeof node.args !== 'string') {
    throw new ConditionProblem('has a "matches" whose pattern is not written out as a text');
  }
  const source = node.args;
  try {
    new RegExp(source, 'u');
  } catch (cause) {
    throw new ConditionProblem(`has the pattern "${source.slice(0, 80)}", which is not one`, { cause });
  }
  const plain = source.replaceAll(/\\./g, 'x').replaceAll(/\[[^\]]*\]/g, 'x');
  const repeats = plain.match(/[*+]|\{\d+,?\d*\}/g) ?? [];
  const isNested = /\)(?:[*+]|\{)/.test(plain);
  const looksAround = plain.includes('(?=') || plain.includes('(?!') || plain.includes('(?<');
  const most = plain.startsWith('^') ? 3 : 2;
  if (isNested || looksAround || repeats.length > most || /\\[1-9k]/.test(source)) {
    const what = `has the pattern "${source.slice(0, 80)}", which could take too long`;
    throw new ConditionProblem(
      `${what}; repeat single characters or classes, ${most} times at most, and no groups`,
    );
  }
}

function costOf({ nodes, loops, sums, literals }: Shape, request: ConditionRequest): number {
  if (loops === 0) return nodes;
  const longest = Math.max(literals, longestList(request)) * (sums + 1);
  return nodes * Math.max(1, longest) ** loops;
}

function longestList(value: unknown): number {
  if (typeof value !== 'object' || value === null || value instanceof Date) return 0;
  const parts = Object.values(value);
  return parts.reduce<number>((most, part) => Math.max(most, longestList(part)), parts.length);
}

function longestText(value: unknown): number {
  if (typeof value === 'string') return value.length;
  if (typeof value !== 'object' || value === null) return 0;
  return Object.values(value).reduce<number>((most, part) => Math.max(most, longestText(part)), 0);
}
