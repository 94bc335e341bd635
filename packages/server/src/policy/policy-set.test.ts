import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { evaluatePolicy, type PolicyRequest } from './evaluate.ts';
import { parsePolicy } from './parse-policy.ts';
import { PolicySet } from './policy-set.ts';

const variable = (name: string): string => `\${${name}}`;

const action = fc.constantFrom('oci:Pull', 'oci:P*', '*', 'oci:Push', 's3:GetObject', 'OCI:pull');
const resource = fc.constantFrom(
  '*',
  'arn:zas:oci:::a',
  'arn:zas:oci:::a/*',
  'arn:zas:oci:::*/b',
  `arn:zas:oci:::${variable('aws:username')}/*`,
  'arn:zas:oci:::a?b',
  'arn:aws:s3:::a/*',
);
const some = <T>(one: fc.Arbitrary<T>) => fc.array(one, { minLength: 1, maxLength: 3 });
const statement = fc.record({
  Effect: fc.constantFrom('Allow', 'Deny'),
  actions: fc.record({ key: fc.constantFrom('Action', 'NotAction'), values: some(action) }),
  resources: fc.record({ key: fc.constantFrom('Resource', 'NotResource'), values: some(resource) }),
});
const policies = fc.array(fc.array(statement, { minLength: 1, maxLength: 4 }), { maxLength: 6 });

describe('several policies as one', () => {
  it('decide as each of them one after the other does', () => {
    const asked = fc.record({
      action: fc.constantFrom('oci:Pull', 'oci:Push', 's3:GetObject'),
      resource: fc.constantFrom(
        'arn:zas:oci:::a',
        'arn:zas:oci:::a/b',
        'arn:zas:oci:::x/b',
        'arn:aws:s3:::a/k',
      ),
    });
    fc.assert(
      fc.property(policies, asked, (written, one) => {
        const parsed = written.map((statements) =>
          parsePolicy(
            JSON.stringify({
              Version: '2012-10-17',
              Statement: statements.map(({ Effect, actions, resources }) => ({
                Effect,
                [actions.key]: actions.values,
                [resources.key]: resources.values,
              })),
            }),
            { kind: 'identity', maxBytes: 100_000 },
          ),
        );
        const request: PolicyRequest = {
          ...one,
          principal: { names: new Set() },
          values: (key) => (key === 'aws:username' ? ['x'] : undefined),
        };
        const each = parsed.map((policy) => evaluatePolicy(policy, request).effect);
        const expected = each.includes('deny') ? 'deny' : each.includes('allow') ? 'allow' : 'none';
        const set = new PolicySet(parsed.map((policy, index) => ({ document: `${index}`, policy })));
        expect(set.decide(request).effect).toBe(expected);
      }),
      { numRuns: 2_000 },
    );
  });
});
