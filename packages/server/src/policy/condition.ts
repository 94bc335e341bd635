import { BlockList, isIP } from 'node:net';
import { matches, type Pattern, parsePattern, type Variables } from './pattern.ts';
import { PolicyProblem } from './policy.ts';

/** The values a request has under a condition key, in lower case; undefined when it has none. */
export type ConditionValues = (key: string) => readonly string[] | undefined;

export interface CompiledCondition {
  readonly operator: string;
  /** In lower case. */
  readonly key: string;
  readonly values: readonly string[];
  holds(context: ConditionValues, variables: Variables): boolean;
}

/** Whether one value of the request matches one value of the policy. */
type Test = (value: string, variables: Variables) => boolean;
type Compile = (text: string, place: string, hasVariables: boolean) => Test;

interface Operator {
  readonly compile: Compile;
  readonly isNegated: boolean;
}

const text =
  (ignoreCase: boolean, hasWildcards: boolean): Compile =>
  (source, _place, hasVariables) => {
    const pattern: Pattern = parsePattern(source, { hasVariables, hasWildcards });
    return (value, variables) => matches(pattern, value, variables, ignoreCase);
  };

const compared =
  (
    parse: (text: string) => number,
    holds: (value: number, limit: number) => boolean,
    what: string,
  ): Compile =>
  (source, place) => {
    const limit = parse(source);
    if (Number.isNaN(limit)) throw new PolicyProblem(place, `"${source.slice(0, 80)}" is not ${what}`);
    return (value) => holds(parse(value), limit);
  };

const number = (text: string): number => (text.trim() === '' ? Number.NaN : Number(text));
/** ISO 8601, or seconds since 1970. */
const date = (text: string): number =>
  /^-?\d+(\.\d+)?$/.test(text) ? Number(text) * 1000 : Date.parse(text);

const bool: Compile = (source, place) => {
  const wanted = source.toLowerCase();
  if (wanted !== 'true' && wanted !== 'false') {
    throw new PolicyProblem(place, `"${source.slice(0, 80)}" is not true or false`);
  }
  return (value) => value.toLowerCase() === wanted;
};

const address: Compile = (source, place) => {
  const list = blockListOf(source);
  if (list === undefined) {
    throw new PolicyProblem(
      place,
      `"${source.slice(0, 80)}" is not an address or a network such as "10.0.0.0/8"`,
    );
  }
  return (value) => {
    const family = isIP(value);
    if (family === 0) return false;
    const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(value)?.[1];
    if (mapped !== undefined && list.check(mapped, 'ipv4')) return true;
    return list.check(value, family === 4 ? 'ipv4' : 'ipv6');
  };
};

function blockListOf(source: string): BlockList | undefined {
  const [network = '', prefix, ...more] = source.split('/');
  const family = isIP(network);
  const bits = family === 4 ? 32 : 128;
  if (family === 0 || more.length > 0) return undefined;
  if (prefix !== undefined && !(/^\d{1,3}$/.test(prefix) && Number(prefix) <= bits)) return undefined;
  const list = new BlockList();
  list.addSubnet(network, prefix === undefined ? bits : Number(prefix), family === 4 ? 'ipv4' : 'ipv6');
  return list;
}

const is = (compile: Compile): Operator => ({ compile, isNegated: false });
const not = (compile: Compile): Operator => ({ compile, isNegated: true });

/** "IAM JSON policy elements: Condition operators". */
const OPERATORS: Readonly<Record<string, Operator>> = {
  stringequals: is(text(false, false)),
  stringnotequals: not(text(false, false)),
  stringequalsignorecase: is(text(true, false)),
  stringnotequalsignorecase: not(text(true, false)),
  stringlike: is(text(false, true)),
  stringnotlike: not(text(false, true)),
  arnequals: is(text(false, true)),
  arnnotequals: not(text(false, true)),
  arnlike: is(text(false, true)),
  arnnotlike: not(text(false, true)),
  binaryequals: is(text(false, false)),
  numericequals: is(compared(number, (a, b) => a === b, 'a number')),
  numericnotequals: not(compared(number, (a, b) => a === b, 'a number')),
  numericlessthan: is(compared(number, (a, b) => a < b, 'a number')),
  numericlessthanequals: is(compared(number, (a, b) => a <= b, 'a number')),
  numericgreaterthan: is(compared(number, (a, b) => a > b, 'a number')),
  numericgreaterthanequals: is(compared(number, (a, b) => a >= b, 'a number')),
  dateequals: is(compared(date, (a, b) => a === b, 'a date')),
  datenotequals: not(compared(date, (a, b) => a === b, 'a date')),
  datelessthan: is(compared(date, (a, b) => a < b, 'a date')),
  datelessthanequals: is(compared(date, (a, b) => a <= b, 'a date')),
  dategreaterthan: is(compared(date, (a, b) => a > b, 'a date')),
  dategreaterthanequals: is(compared(date, (a, b) => a >= b, 'a date')),
  bool: is(bool),
  ipaddress: is(address),
  notipaddress: not(address),
};

/** One operator with one key of a Condition block. Throws PolicyProblem. */
export function compileCondition(
  written: string,
  key: string,
  values: readonly string[],
  { place, hasVariables }: { readonly place: string; readonly hasVariables: boolean },
): CompiledCondition {
  const { quantifier, name, ifExists } = parseOperator(written);
  const base = { operator: written, key: key.toLowerCase(), values };
  if (name === 'null') return { ...base, holds: nullCondition(base.key, values, place) };
  const operator = OPERATORS[name];
  if (operator === undefined)
    throw new PolicyProblem(place, `"${written.slice(0, 80)}" is not a condition operator`);
  const tests = values.map((value) => operator.compile(value, place, hasVariables));
  const { isNegated } = operator;
  return {
    ...base,
    holds(context, variables) {
      const found = context(base.key);
      if (found === undefined || found.length === 0) return ifExists || isNegated || quantifier === 'all';
      const one = (value: string): boolean => tests.some((test) => test(value, variables)) !== isNegated;
      if (quantifier === 'all') return found.every(one);
      // Without a quantifier a negated operator must hold for every value, a plain one for any.
      return quantifier === undefined && isNegated ? found.every(one) : found.some(one);
    },
  };
}

function parseOperator(written: string): {
  readonly quantifier: 'all' | 'any' | undefined;
  readonly name: string;
  readonly ifExists: boolean;
} {
  let name = written.toLowerCase();
  let quantifier: 'all' | 'any' | undefined;
  if (name.startsWith('forallvalues:')) quantifier = 'all';
  else if (name.startsWith('foranyvalue:')) quantifier = 'any';
  if (quantifier !== undefined) name = name.slice(name.indexOf(':') + 1);
  const ifExists = name.endsWith('ifexists');
  return { quantifier, name: ifExists ? name.slice(0, -'ifexists'.length) : name, ifExists };
}

function nullCondition(key: string, values: readonly string[], place: string): CompiledCondition['holds'] {
  const wanted = values.map((value) => {
    if (value.toLowerCase() === 'true') return true;
    if (value.toLowerCase() === 'false') return false;
    throw new PolicyProblem(place, `"${value.slice(0, 80)}" is not true or false`);
  });
  return (context) => {
    const found = context(key);
    return wanted.includes(found === undefined || found.length === 0);
  };
}
