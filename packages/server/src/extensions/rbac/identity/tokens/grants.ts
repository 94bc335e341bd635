import { isStoreError, parseRepositoryName } from '@zot-artifact-store/spec';
import type { Permission } from '../../../../extension/access.ts';

/** What a token of a registry is for (distribution: token scope). */
export interface Grant {
  readonly type: 'repository' | 'registry';
  readonly name: string;
  readonly actions: readonly string[];
}

const CATALOG: Grant = { type: 'registry', name: 'catalog', actions: ['*'] };
/** Docker's words, and what they let a client do. */
const ALLOWS: Readonly<Record<string, readonly string[]>> = {
  pull: ['oci:Pull'],
  push: ['oci:Push', 'oci:Tag'],
  delete: ['oci:Delete'],
};
const WORDS = Object.keys(ALLOWS);
const MAX_SCOPES = 100;

/**
 * The grants of `scope` parameters, each of which may hold several, separated by spaces; those of one repository are
 * one grant. What is not understood asks for nothing, as the specification of tokens wants it.
 */
export function parseScopes(scopes: readonly string[]): readonly Grant[] {
  const byName = new Map<string, Set<string>>();
  let isCatalog = false;
  const all = scopes.flatMap((scope) => scope.split(' ')).filter((scope) => scope !== '');
  for (const scope of all.slice(0, MAX_SCOPES)) {
    const first = scope.indexOf(':');
    const last = scope.lastIndexOf(':');
    if (first < 0 || last === first) continue;
    // `repository(plugin)`: a class of content, which nothing here depends on.
    const type = scope.slice(0, first).replace(/\([^)]*\)$/, '');
    const name = scope.slice(first + 1, last);
    const words = scope.slice(last + 1).split(',');
    if (type === 'registry' && name === 'catalog') isCatalog = true;
    if (type !== 'repository' || !isRepositoryName(name)) continue;
    const actions = byName.get(name) ?? new Set();
    for (const word of words.includes('*') ? WORDS : words) if (WORDS.includes(word)) actions.add(word);
    byName.set(name, actions);
  }
  const repositories = [...byName].map(
    ([name, actions]): Grant => ({ type: 'repository', name, actions: [...actions] }),
  );
  return isCatalog ? [...repositories, CATALOG] : repositories;
}

/** What must be asked for to be allowed `permissions`; nothing for a ping, which every token may. */
export function grantsFor(permissions: readonly Permission[]): readonly Grant[] {
  const byName = new Map<string, Set<string>>();
  let isCatalog = false;
  for (const { action, resource } of permissions) {
    if (action === 'oci:ListRepositories') isCatalog = true;
    const word = WORDS.find((one) => ALLOWS[one]?.includes(action));
    if (word === undefined || !resource.startsWith('repository:') || resource === 'repository:*') continue;
    const name = resource.slice('repository:'.length);
    byName.set(name, (byName.get(name) ?? new Set()).add(word));
  }
  const repositories = [...byName].map(
    // A client that pushes also reads, and asks for both at once.
    ([name, words]): Grant => ({
      type: 'repository',
      name,
      actions: words.has('push') && !words.has('pull') ? ['pull', ...words] : [...words],
    }),
  );
  return isCatalog ? [...repositories, CATALOG] : repositories;
}

export function formatScope({ type, name, actions }: Grant): string {
  return `${type}:${name}:${actions.join(',')}`;
}

/** Whether each permission is within the grants. */
export function areCovered(permissions: readonly Permission[], grants: readonly Grant[]): boolean {
  return permissions.every((permission) => isCovered(permission, grants));
}

function isCovered({ action, resource }: Permission, grants: readonly Grant[]): boolean {
  if (action === 'oci:Ping') return true;
  if (action === 'oci:ListRepositories') return grants.some(({ type }) => type === 'registry');
  return grants.some(
    ({ type, name, actions }) =>
      type === 'repository' &&
      resource === `repository:${name}` &&
      actions.some((word) => ALLOWS[word]?.includes(action)),
  );
}

/** The permissions that a grant's words stand for; for a push with and without a tag. */
export function permissionsOf({ name, actions }: Grant, word: string): readonly Permission[] {
  if (!actions.includes(word)) return [];
  const resource = `repository:${name}`;
  return (ALLOWS[word] ?? []).map((action) => ({ action: action as Permission['action'], resource }));
}

/**
 * The policy document that a token's grants are a limit as. Who may list the catalog sees there what the user may pull,
 * so that listing is not limited by repository.
 */
export function limitOfGrants(
  grants: readonly Grant[],
  { isListing }: { readonly isListing: boolean },
): string {
  const statements = grants.flatMap(({ type, name, actions }) => {
    if (type === 'registry') {
      const Action = isListing ? ['oci:ListRepositories', 'oci:Pull'] : ['oci:ListRepositories'];
      return [{ Effect: 'Allow', Action, Resource: '*' }];
    }
    const Action = actions.flatMap((word) => ALLOWS[word] ?? []);
    return Action.length === 0 ? [] : [{ Effect: 'Allow', Action, Resource: `arn:zas:oci:::${name}` }];
  });
  const ping = { Effect: 'Allow', Action: 'oci:Ping', Resource: '*' };
  return JSON.stringify({ Version: '2012-10-17', Statement: [ping, ...statements] });
}

function isRepositoryName(name: string): boolean {
  try {
    parseRepositoryName(name);
    return true;
  } catch (error) {
    if (isStoreError(error)) return false;
    throw error;
  }
}
