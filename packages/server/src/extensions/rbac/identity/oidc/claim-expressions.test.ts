import { describe, expect, it } from 'vitest';
import { compileClaimExpressions, DEFAULT_USERNAME_EXPRESSION } from './claim-expressions.ts';
import type { ExpressionRules } from './provider.ts';

const claims = {
  iss: 'https://token.actions.githubusercontent.com',
  sub: 'repo:acme/app:ref:refs/heads/main',
  repository: 'acme/app',
  ref: 'refs/heads/main',
  groups: ['a', 'b'],
  exp: 1_700_000_000,
  'kubernetes.io': { namespace: 'flux-system', serviceaccount: { name: 'source-controller' } },
};

function identify(rules: Partial<ExpressionRules>) {
  return compileClaimExpressions({
    kind: 'expressions',
    variables: [],
    validations: [],
    username: DEFAULT_USERNAME_EXPRESSION,
    ...rules,
  })(claims);
}

describe('A claim mapping by expressions', () => {
  it('names users by issuer and subject unless it says otherwise, as zot does', () => {
    expect(identify({}).username).toBe(`${claims.iss}/${claims.sub}`);
  });

  it('uses variables in their order, then validations, then names user and groups', () => {
    const identity = identify({
      variables: [
        { name: 'parts', expression: "claims.repository.split('/')" },
        { name: 'owner', expression: 'vars.parts[0]' },
      ],
      validations: [{ expression: "claims.ref == 'refs/heads/main'", message: 'only main may push' }],
      username: "'github:' + vars.owner",
      groups: 'claims.groups + [vars.owner]',
    });
    expect(identity).toEqual({ username: 'github:acme', groups: ['a', 'b', 'acme'], roles: [] });
  });

  it('reads claims whose names have dots, and nested ones', () => {
    expect(identify({ username: "claims['kubernetes.io'].serviceaccount.name" }).username).toBe(
      'source-controller',
    );
  });

  it.each<[what: string, rules: Partial<ExpressionRules>, says: RegExp]>([
    [
      'a validation that does not hold, with its message',
      { validations: [{ expression: "claims.ref == 'x'", message: 'only x may push' }] },
      /not accepted: only x may push/,
    ],
    [
      'a claim that is missing',
      { username: 'claims.email' },
      /claims that the mapping of the user name needs/,
    ],
    ['a user name that is no text', { username: 'claims.exp' }, /no text as user name/],
    ['groups that are no list of texts', { groups: 'claims.exp' }, /no list of texts/],
  ])('refuses a token for %s', (_what, rules, says) => {
    expect(() => identify(rules)).toThrow(says);
  });

  it.each<[what: string, rules: Partial<ExpressionRules>, says: RegExp]>([
    ['what is no CEL', { username: 'claims.iss +' }, /^username is no CEL expression/],
    ['an unknown name', { groups: 'tokens.groups' }, /^groups is no CEL expression: .*tokens/],
    [
      'a validation that gives no truth',
      { validations: [{ expression: "'x'", message: 'm' }] },
      /^validations\[0\]\.expression gives string, and must give bool/,
    ],
  ])('refuses to be made of %s', (_what, rules, says) => {
    expect(() => identify(rules)).toThrow(says);
  });
});
