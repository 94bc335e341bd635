import { Environment } from '@marcbachmann/cel-js';
import { type ClaimedIdentity, type Claims, checkedIdentity } from './claims.ts';
import type { ExpressionRules } from './provider.ts';
import { bad } from './token-form.ts';

/** zot's default. */
export const DEFAULT_USERNAME_EXPRESSION = "claims.iss + '/' + claims.sub";

interface Values extends Record<string, unknown> {
  readonly claims: Claims;
  readonly vars: Record<string, unknown>;
}

type Evaluate = (values: Values) => unknown;

/** Reads an identity out of claims. Throws `unauthenticated` when an expression fails or a validation does not hold. */
export type ClaimExpressions = (claims: Claims) => ClaimedIdentity;

/**
 * zot's claim mapping (`http.auth.bearer.oidc[].claimMapping`): variables in their order, each of which may use those
 * before it, then validations, then user name and groups. Throws an Error that tells the place and what is wrong with an
 * expression.
 */
export function compileClaimExpressions(rules: ExpressionRules): ClaimExpressions {
  const environment = new Environment().registerVariable('claims', 'map').registerVariable('vars', 'map');
  const compile = (place: string, expression: string, types: readonly string[] = []): Evaluate => {
    const checked = environment.check(expression);
    if (!checked.valid) throw new Error(`${place} is no CEL expression: ${checked.error?.message ?? ''}`);
    if (types.length > 0 && !types.includes(checked.type ?? 'dyn')) {
      throw new Error(`${place} gives ${checked.type}, and must give ${types[0]}`);
    }
    return environment.parse(expression);
  };
  const variables = rules.variables.map(({ name, expression }, index) => ({
    name,
    evaluate: compile(`variables[${index}].expression`, expression),
  }));
  const validations = rules.validations.map(({ expression, message }, index) => ({
    message,
    evaluate: compile(`validations[${index}].expression`, expression, ['bool', 'dyn']),
  }));
  const username = compile('username', rules.username, ['string', 'dyn']);
  const groups = rules.groups === undefined ? undefined : compile('groups', rules.groups);
  return (claims) => {
    const values: Values = { claims, vars: {} };
    for (const { name, evaluate } of variables) {
      values.vars[name] = attempt(evaluate, values, `variable ${name}`);
    }
    for (const { message, evaluate } of validations) {
      if (attempt(evaluate, values, 'validation') !== true) throw bad(`is not accepted: ${message}`);
    }
    const name = attempt(username, values, 'user name');
    if (typeof name !== 'string') throw bad('gives no text as user name');
    const list = groups === undefined ? [] : attempt(groups, values, 'groups');
    if (!Array.isArray(list) || !list.every((group) => typeof group === 'string')) {
      throw bad('gives no list of texts as groups');
    }
    return checkedIdentity({ username: name, groups: list, roles: [] });
  };
}

function attempt(evaluate: Evaluate, values: Values, what: string): unknown {
  try {
    return evaluate(values);
  } catch (error) {
    throw bad(`has not the claims that the mapping of the ${what} needs`, error);
  }
}
