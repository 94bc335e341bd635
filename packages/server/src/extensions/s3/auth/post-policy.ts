import { S3Error } from '../errors.ts';

/** How many bytes a policy lets a file have. */
export interface FileRange {
  readonly minBytes: number;
  readonly maxBytes: number;
}

interface MatchCondition {
  readonly operator: 'eq' | 'starts-with';
  /** Lower case, without the `$`. */
  readonly field: string;
  readonly value: string;
}

/** What the owner of an access key allows whoever has a form ("POST policy"). */
export interface PostPolicy {
  readonly expiresAtMs: number;
  readonly conditions: readonly MatchCondition[];
  readonly fileRange: FileRange | undefined;
}

export const ANY_SIZE: FileRange = { minBytes: 0, maxBytes: Number.POSITIVE_INFINITY };

const EXPIRATION = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?Z$/;
const BASE64 = /^[A-Za-z0-9+/]*={0,2}$/;
/** Fields that prove the policy, and so cannot be in it, or that have no effect. */
const NEED_NO_CONDITION: ReadonlySet<string> = new Set([
  'awsaccesskeyid',
  'file',
  'policy',
  'signature',
  'x-amz-sdk-checksum-algorithm',
  'x-amz-signature',
]);
const NEED_NO_CONDITION_PREFIXES = ['x-ignore-', 'x-amz-checksum-'];

/** Reads the `policy` of a form. Throws InvalidPolicyDocument. */
export function parsePostPolicy(base64: string): PostPolicy {
  const document = decode(base64);
  for (const name of Object.keys(document)) {
    if (name !== 'expiration' && name !== 'conditions') throw invalid(`Unexpected: '${name.slice(0, 64)}'`);
  }
  const { expiration, conditions } = document;
  if (expiration === undefined) throw invalid('Policy missing expiration.');
  const expiresAtMs =
    typeof expiration === 'string' && EXPIRATION.test(expiration) ? Date.parse(expiration) : Number.NaN;
  if (Number.isNaN(expiresAtMs)) throw invalid(`Invalid 'expiration' value: '${shown(expiration)}'`);
  if (conditions === undefined) throw invalid('Policy missing conditions.');
  if (!Array.isArray(conditions)) throw invalid("Invalid 'conditions' value: must be a List.");
  const matches: MatchCondition[] = [];
  let fileRange: FileRange | undefined;
  for (const condition of conditions) {
    const parsed = parseCondition(condition);
    if ('field' in parsed) matches.push(parsed);
    else fileRange = fileRange === undefined ? parsed : narrower(fileRange, parsed);
  }
  return { expiresAtMs, conditions: matches, fileRange };
}

/**
 * Throws AccessDenied unless the policy has not expired, every condition of it holds, and every field of the form,
 * and the bucket, has a condition.
 */
export function assertPolicyAllows(
  policy: PostPolicy,
  form: { readonly fields: ReadonlyMap<string, string>; readonly bucket: string; readonly nowMs: number },
): void {
  if (policy.expiresAtMs <= form.nowMs) throw denied('Policy expired.');
  // The bucket is the one of the URL, whatever a field of that name says.
  const values = new Map(form.fields).set('bucket', form.bucket);
  for (const { operator, field, value } of policy.conditions) {
    const actual = values.get(field) ?? '';
    const holds = operator === 'eq' ? actual === value : startsWith(field, actual, value);
    if (!holds) {
      throw denied(
        `Policy Condition failed: ["${operator}", "$${field.slice(0, 128)}", "${value.slice(0, 128)}"]`,
      );
    }
  }
  const covered = new Set(policy.conditions.map(({ field }) => field));
  const extra = [...values.keys()].filter((name) => !covered.has(name) && needsCondition(name));
  if (extra.length > 0) throw denied(`Extra input fields: ${extra.slice(0, 20).join(', ').slice(0, 512)}`);
}

/** A list of content types begins as the condition says when each of them does. */
function startsWith(field: string, actual: string, prefix: string): boolean {
  if (field !== 'content-type') return actual.startsWith(prefix);
  return actual.split(',').every((type) => type.trim().startsWith(prefix));
}

function needsCondition(name: string): boolean {
  return (
    !NEED_NO_CONDITION.has(name) && !NEED_NO_CONDITION_PREFIXES.some((prefix) => name.startsWith(prefix))
  );
}

function parseCondition(condition: unknown): MatchCondition | FileRange {
  if (Array.isArray(condition)) return parseList(condition);
  if (typeof condition !== 'object' || condition === null) {
    throw invalid('Invalid condition test: must be a List or Object.');
  }
  const [property, ...others] = Object.entries(condition);
  if (property === undefined || others.length > 0) {
    throw invalid('Invalid Simple-Condition: Simple-Conditions must have exactly one property specified.');
  }
  const [name, value] = property;
  if (typeof value !== 'string') throw invalid('Invalid Simple-Condition: value must be a string.');
  return { operator: 'eq', field: name.toLowerCase(), value };
}

function parseList(condition: readonly unknown[]): MatchCondition | FileRange {
  const [first, ...operands] = condition;
  if (typeof first !== 'string') throw invalid('Invalid Condition: missing operation identifier.');
  // The reference has them in lower case; clients write them as they like, and get along with it elsewhere.
  const operator = first.toLowerCase();
  if (operator !== 'eq' && operator !== 'starts-with' && operator !== 'content-length-range') {
    throw invalid(`Invalid Condition: unknown operation '${first.slice(0, 64)}'.`);
  }
  if (operands.length !== 2) throw invalid(`Invalid ${operator}: wrong number of arguments.`);
  const [left, right] = operands;
  if (operator === 'content-length-range') {
    return { minBytes: parseBytes(left), maxBytes: parseBytes(right) };
  }
  if (typeof left !== 'string' || !left.startsWith('$') || typeof right !== 'string') {
    throw invalid(`Invalid ${operator}: a field, with a "$" before it, and a text are expected.`);
  }
  return { operator, field: left.slice(1).toLowerCase(), value: right };
}

function parseBytes(value: unknown): number {
  const bytes = typeof value === 'string' && /^\d{1,15}$/.test(value) ? Number(value) : value;
  if (typeof bytes === 'number' && Number.isSafeInteger(bytes) && bytes >= 0) return bytes;
  throw invalid(`Invalid content-length-range: '${shown(value)}' is no number of bytes.`);
}

function narrower(one: FileRange, other: FileRange): FileRange {
  return {
    minBytes: Math.max(one.minBytes, other.minBytes),
    maxBytes: Math.min(one.maxBytes, other.maxBytes),
  };
}

function decode(base64: string): Readonly<Record<string, unknown>> {
  const compact = base64.replace(/\s+/g, '');
  if (compact === '') throw invalid("Expecting '{' but found End-of-Input");
  if (!BASE64.test(compact)) throw invalid('invalid Base64 encoding.');
  let document: unknown;
  try {
    document = JSON.parse(Buffer.from(compact, 'base64').toString('utf8'));
  } catch (cause) {
    throw invalid('Invalid JSON.', cause);
  }
  if (typeof document !== 'object' || document === null || Array.isArray(document)) {
    throw invalid('Invalid JSON: an object is expected.');
  }
  return Object.fromEntries(Object.entries(document));
}

function shown(value: unknown): string {
  return String(typeof value === 'object' ? JSON.stringify(value) : value).slice(0, 64);
}

function invalid(why: string, cause?: unknown): S3Error {
  return new S3Error('InvalidPolicyDocument', `Invalid Policy: ${why}`, cause === undefined ? {} : { cause });
}

function denied(why: string): S3Error {
  return new S3Error('AccessDenied', `Invalid according to Policy: ${why}`);
}
