import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { evaluatePolicy } from './evaluate.ts';
import { parsePolicy } from './parse-policy.ts';
import { matches, parsePattern } from './pattern.ts';

const variable = (name: string) => `\${${name}}`;
const NO_VARIABLES = () => undefined;
const pattern = (source: string) => parsePattern(source, { hasVariables: true, hasWildcards: true });

function decide(
  statements: unknown,
  request: {
    readonly action?: string;
    readonly resource?: string;
    readonly names?: readonly string[];
    readonly values?: Readonly<Record<string, readonly string[]>>;
  } = {},
) {
  const policy = parsePolicy(JSON.stringify({ Version: '2012-10-17', Statement: statements }), {
    kind: 'resource',
    maxBytes: 20_480,
  });
  const { action = 's3:GetObject', resource = 'arn:aws:s3:::b/k', names = [], values = {} } = request;
  return evaluatePolicy(policy, {
    principal: { names: new Set(names) },
    action,
    resource,
    values: (key) => values[key],
  }).effect;
}

const allow = { Effect: 'Allow', Principal: '*', Action: 's3:GetObject', Resource: 'arn:aws:s3:::b/*' };

describe('patterns', () => {
  it('match as the same pattern written as a regular expression does', () => {
    const piece = fc.constantFrom('a', 'b', '*', '?', '/');
    const cases = fc.record({
      source: fc.array(piece, { maxLength: 8 }).map((parts) => parts.join('')),
      text: fc.array(fc.constantFrom('a', 'b', '/'), { maxLength: 8 }).map((parts) => parts.join('')),
    });
    fc.assert(
      fc.property(cases, ({ source, text }) => {
        const regex = new RegExp(`^${source.replaceAll('*', '.*').replaceAll('?', '.')}$`);
        expect(matches(pattern(source), text, NO_VARIABLES)).toBe(regex.test(text));
      }),
    );
  });

  it('take variables literally, and match nothing when one has no value', () => {
    const variables = (name: string) => (name === 'aws:username' ? 'a*' : undefined);
    expect(matches(pattern(`home/${variable('aws:username')}/*`), 'home/a*/x', variables)).toBe(true);
    expect(matches(pattern(`home/${variable('aws:username')}/*`), 'home/abc/x', variables)).toBe(false);
    expect(matches(pattern(`${variable('aws:unknown')}*`), 'x', variables)).toBe(false);
    expect(matches(pattern(`${variable("aws:unknown, 'x'")}*`), 'xyz', variables)).toBe(true);
    expect(matches(pattern(variable('*')), '*', variables)).toBe(true);
    expect(matches(pattern(variable('*')), 'x', variables)).toBe(false);
  });

  it('take no time worth speaking of for a bomb of wildcards', () => {
    expect(matches(pattern(`${'a*'.repeat(2000)}b`), 'a'.repeat(5000), NO_VARIABLES)).toBe(false);
  });
});

describe('a policy', () => {
  it('allows what a statement matches, and says nothing of the rest', () => {
    expect(decide(allow)).toBe('allow');
    expect(decide(allow, { action: 's3:PutObject' })).toBe('none');
    expect(decide(allow, { resource: 'arn:aws:s3:::other/k' })).toBe('none');
    expect(decide({ ...allow, Action: 'S3:get*' })).toBe('allow');
  });

  it('lets a denial win wherever it stands', () => {
    const deny = { ...allow, Effect: 'Deny', Resource: 'arn:aws:s3:::b/secret*' };
    for (const statements of [
      [allow, deny],
      [deny, allow],
    ]) {
      expect(decide(statements, { resource: 'arn:aws:s3:::b/secret1' })).toBe('deny');
      expect(decide(statements)).toBe('allow');
    }
  });

  it('reads principals, and everybody but some', () => {
    const alice = 'arn:aws:iam:::user/alice';
    const some = { ...allow, Principal: { AWS: [alice] } };
    expect(decide(some, { names: [alice] })).toBe('allow');
    expect(decide(some)).toBe('none');
    const others = { ...allow, Principal: undefined, NotPrincipal: { AWS: alice } };
    expect(decide(others, { names: [alice] })).toBe('none');
    expect(decide(others, { names: ['arn:aws:iam:::user/bob'] })).toBe('allow');
  });

  it.each([
    ['StringEquals', { 's3:prefix': ['a'] }, { 's3:prefix': 'a' }, true],
    ['StringEquals', {}, { 's3:prefix': 'a' }, false],
    ['StringEqualsIfExists', {}, { 's3:prefix': 'a' }, true],
    ['StringNotEquals', {}, { 's3:prefix': 'a' }, true],
    ['StringNotEquals', { 's3:prefix': ['a'] }, { 's3:prefix': ['a', 'b'] }, false],
    [
      'StringLike',
      { 'aws:referer': ['http://www.example.com/x'] },
      { 'aws:Referer': 'http://www.*/*' },
      true,
    ],
    ['StringLike', { 'aws:referer': ['http://evil'] }, { 'aws:Referer': 'http://www.*/*' }, false],
    ['IpAddress', { 'aws:sourceip': ['10.1.2.3'] }, { 'aws:SourceIp': '10.0.0.0/8' }, true],
    ['IpAddress', { 'aws:sourceip': ['::ffff:10.1.2.3'] }, { 'aws:SourceIp': '10.0.0.0/8' }, true],
    ['NotIpAddress', { 'aws:sourceip': ['10.1.2.3'] }, { 'aws:SourceIp': '10.0.0.0/8' }, false],
    ['Bool', { 'aws:securetransport': ['false'] }, { 'aws:SecureTransport': false }, true],
    ['NumericLessThanEquals', { 's3:max-keys': ['10'] }, { 's3:max-keys': 10 }, true],
    ['NumericLessThan', { 's3:max-keys': ['10'] }, { 's3:max-keys': '10' }, false],
    [
      'DateGreaterThan',
      { 'aws:currenttime': ['2026-01-02T00:00:00Z'] },
      { 'aws:CurrentTime': '2026-01-01' },
      true,
    ],
    ['Null', {}, { 's3:x-amz-acl': 'true' }, true],
    ['Null', { 's3:x-amz-acl': ['private'] }, { 's3:x-amz-acl': 'true' }, false],
    ['ForAllValues:StringEquals', { k: ['a', 'b'] }, { k: ['a', 'b', 'c'] }, true],
    ['ForAllValues:StringEquals', { k: ['a', 'x'] }, { k: ['a', 'b', 'c'] }, false],
    ['ForAllValues:StringEquals', {}, { k: ['a'] }, true],
    ['ForAnyValue:StringEquals', { k: ['a', 'x'] }, { k: ['a'] }, true],
    ['ForAnyValue:StringEquals', {}, { k: ['a'] }, false],
  ] as const)('%s of %o against %o: %s', (operator, values, written, holds) => {
    const statement = { ...allow, Condition: { [operator]: written } };
    expect(decide(statement, { values })).toBe(holds ? 'allow' : 'none');
  });

  it.each([
    ['not JSON', '{"Version": '],
    ['an array', '[]'],
    ['an unknown version', '{"Version":"2020-01-01","Statement":[]}'],
    ['no statement', '{"Version":"2012-10-17","Statement":[]}'],
    ['an unknown effect', JSON.stringify({ Statement: { ...allow, Effect: 'Maybe' } })],
    ['an unknown element', JSON.stringify({ Statement: { ...allow, Actions: 'x' } })],
    ['no principal', JSON.stringify({ Statement: { ...allow, Principal: undefined } })],
    ['no resource', JSON.stringify({ Statement: { ...allow, Resource: undefined } })],
    ['Action and NotAction', JSON.stringify({ Statement: { ...allow, NotAction: 'x' } })],
    ['an unknown operator', JSON.stringify({ Statement: { ...allow, Condition: { Like: { k: 'v' } } } })],
    ['no network', JSON.stringify({ Statement: { ...allow, Condition: { IpAddress: { k: 'v' } } } })],
    ['more than the limit', JSON.stringify({ Statement: { ...allow, Sid: 'x'.repeat(20_480) } })],
  ])('is refused with its place for %s', (_what, text) => {
    expect(() => parsePolicy(text, { kind: 'resource', maxBytes: 20_480 })).toThrowError(
      expect.objectContaining({ name: 'PolicyProblem' }),
    );
  });
});
