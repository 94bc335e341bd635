import { StoreError } from '@zot-artifact-store/spec';

const MAX_SCOPES = 30;
const MAX_SCOPE_CHARS = 300;
/** A repository name, in which a star stands for anything, slashes too, as in policies. */
const REPOSITORIES = /^[a-z0-9*][a-z0-9._/*-]*$/;
const ROUTES = /^[A-Za-z*]{1,60}$/;

const ACTIONS: Readonly<Record<string, readonly string[]>> = {
  pull: ['oci:Pull'],
  push: ['oci:Push', 'oci:Tag'],
  delete: ['oci:Delete'],
  '*': ['oci:*'],
};

interface Statement {
  readonly Effect: 'Allow';
  readonly Action: readonly string[];
  readonly Resource: string;
}

/**
 * The policy document that scopes stand for. A scope is `repository:<name>:<actions>` as in tokens of registries, with
 * stars in the name; a repository's name alone, for everything in it; or `admin:<operation>` of the management API.
 * Throws `argument-invalid` for anything else: a scope that is not understood must not be one that does not limit.
 */
export function limitOfScopes(scopes: readonly string[]): string {
  if (scopes.length > MAX_SCOPES) {
    throw new StoreError('argument-invalid', `there are ${MAX_SCOPES} scopes at most`);
  }
  const login: Statement = { Effect: 'Allow', Action: ['oci:Ping', 'oci:ListRepositories'], Resource: '*' };
  return JSON.stringify({ Version: '2012-10-17', Statement: [login, ...scopes.map(statementOf)] });
}

function statementOf(scope: string): Statement {
  if (scope.length > MAX_SCOPE_CHARS) throw notAScope(scope);
  const parts = scope.split(':');
  const [kind, name = ''] = parts;
  if (kind === 'admin' && parts.length === 2 && ROUTES.test(name)) {
    return { Effect: 'Allow', Action: [`admin:${name}`], Resource: '*' };
  }
  if (parts.length === 1 && REPOSITORIES.test(scope)) return onRepositories(scope, ['oci:*']);
  if (kind !== 'repository' || parts.length !== 3 || !REPOSITORIES.test(name)) throw notAScope(scope);
  const actions = (parts[2] ?? '').split(',').flatMap((word) => {
    const known = Object.hasOwn(ACTIONS, word) ? ACTIONS[word] : undefined;
    if (known === undefined) throw notAScope(scope);
    return known;
  });
  return onRepositories(name, actions);
}

function onRepositories(pattern: string, actions: readonly string[]): Statement {
  return { Effect: 'Allow', Action: actions, Resource: `arn:zas:oci:::${pattern}` };
}

function notAScope(scope: string): StoreError {
  return new StoreError(
    'argument-invalid',
    `${JSON.stringify(scope.slice(0, 100))} is not a scope: write "repository:team/*:pull,push" (pull, push, delete or *), a repository's name for everything in it, or "admin:ListUsers"`,
  );
}
