import { StoreError } from '@zot-artifact-store/spec';
import { z } from 'zod';
import { assertUnchanged } from '../../../extension/api-etag.ts';
import { pageOf, pageQuery } from '../../../extension/api-page.ts';
import { type ApiRoute, defineRoute } from '../../../extension/api-route.ts';
import type { RequestContext } from '../../../http/protocol.ts';
import type { DeclaredPolicies } from '../access/policies/declared-policies.ts';
import type { PolicyKind } from '../access/policies/policy-keys.ts';
import { isPolicyName, POLICY_NAME_RULE } from '../access/policies/policy-name.ts';
import {
  type PolicyStore,
  type PolicyText,
  type StoredPolicy,
  unknownPolicy,
} from '../access/policies/policy-store.ts';
import { repositoryNameProblem } from '../access/policies/repository-name.ts';
import { checkDocument } from './check-document.ts';
import { isoTime } from './page.ts';

export interface PolicyRoutesDeps {
  readonly store: PolicyStore;
  readonly declared: DeclaredPolicies;
  adminActions(): readonly string[];
}

/** The same routes for policies of users and for those of repositories. */
interface Family {
  readonly kind: PolicyKind;
  readonly path: string;
  /** In names of routes: `PutPolicy`, `PutRepositoryPolicy`. */
  readonly noun: 'Policy' | 'RepositoryPolicy';
  readonly plural: 'Policies' | 'RepositoryPolicies';
  readonly what: string;
}

const OF_USERS: Family = {
  kind: 'identity',
  path: '/policies',
  noun: 'Policy',
  plural: 'Policies',
  what: 'a policy',
};
const OF_REPOSITORIES: Family = {
  kind: 'repository',
  path: '/repository-policies',
  noun: 'RepositoryPolicy',
  plural: 'RepositoryPolicies',
  what: 'the policy of a repository',
};

const source = z
  .enum(['built-in', 'config', 'api'])
  .meta({ description: 'Where it comes from; only what comes from `api` can be changed here.' });

const summary = z.strictObject({
  name: z.string(),
  source,
  version: z.number().optional(),
  changedAt: z.string().optional(),
  changedBy: z.string().optional(),
});

const policy = summary.extend({
  document: z.string().meta({ description: 'The document as it was put.' }),
});

const version = z.strictObject({ version: z.number(), changedAt: z.string(), changedBy: z.string() });

const document = z.union([z.string(), z.record(z.string(), z.unknown())]).meta({
  description: 'The IAM document: its text, which is kept as it is, or the object itself.',
});

/** `/policies` and `/repository-policies`. */
export function policyRoutes(deps: PolicyRoutesDeps): readonly ApiRoute[] {
  return [OF_USERS, OF_REPOSITORIES].flatMap((family) => routesOf(deps, family));
}

function routesOf(deps: PolicyRoutesDeps, family: Family): readonly ApiRoute[] {
  const { store } = deps;
  const { kind, path, noun, plural, what } = family;
  const params = z.strictObject({ name: z.string() });
  const resource = `admin:${kind === 'identity' ? 'policy' : 'repository-policy'}`;
  const on = (verb: string): ApiRoute['access'] => {
    return ({ name }) => [{ action: `admin:${verb}${noun}`, resource: `${resource}/${name}` }];
  };
  const one = `${path}/{name}`;
  return [
    defineRoute({
      name: `List${plural}`,
      method: 'GET',
      path,
      summary: `Every ${what.replace(/^an? |^the /, '')}, in order of names.`,
      access: () => [{ action: `admin:List${plural}`, resource: `${resource}/*` }],
      query: z.strictObject(pageQuery),
      status: 200,
      result: pageOf(summary),
      run: ({ query }) => listAll(deps, family, query),
    }),
    defineRoute({
      name: `Get${noun}`,
      method: 'GET',
      path: one,
      summary: `Shows ${what}, or one of its last versions.`,
      access: on('Get'),
      params,
      query: z.strictObject({ version: z.coerce.number().int().min(1).optional() }),
      status: 200,
      result: policy,
      run: async ({ params: { name }, query }) => {
        const declared = declaredText(deps, family, name);
        if (declared !== undefined && query.version === undefined) return { name, ...declared };
        const stored = await store.find(kind, name);
        const versions = stored?.versions ?? [];
        const found =
          query.version === undefined
            ? versions.at(-1)
            : versions.find((each) => each.version === query.version);
        if (found === undefined) throw unknownPolicy(name);
        return shown(name, { ...found, text: await store.textOf(found) });
      },
    }),
    defineRoute({
      name: `Put${noun}`,
      method: 'PUT',
      path: one,
      summary: `Makes ${what}, or a new version of it. It counts from the next request on, in every worker.`,
      access: on('Put'),
      params,
      body: z.strictObject({ document }),
      status: 200,
      result: summary,
      run: async ({ params: { name }, body }, context) => {
        assertName(family, name);
        assertNotDeclared(deps, family, name);
        const text =
          typeof body.document === 'string' ? body.document : `${JSON.stringify(body.document, null, 2)}\n`;
        checkDocument(text, { kind, name, adminActions: deps.adminActions() });
        return summaryOf(await store.put(kind, name, text, change(name, context)));
      },
    }),
    defineRoute({
      name: `Delete${noun}`,
      method: 'DELETE',
      path: one,
      summary: `Deletes ${what} and its versions.`,
      access: on('Delete'),
      params,
      status: 204,
      run: async ({ params: { name } }, context) => {
        assertNotDeclared(deps, family, name);
        await store.delete(kind, name, change(name, context));
        return undefined;
      },
    }),
    defineRoute({
      name: `List${noun}Versions`,
      method: 'GET',
      path: `${one}/versions`,
      summary: 'The last ten versions, the newest first.',
      access: on('Get'),
      params,
      status: 200,
      result: z.strictObject({ items: z.array(version) }),
      run: async ({ params: { name } }) => {
        const stored = await store.find(kind, name);
        if (stored === undefined && declaredText(deps, family, name) === undefined) throw unknownPolicy(name);
        const items = (stored?.versions ?? []).map((each) => ({
          version: each.version,
          changedAt: new Date(each.createdAtMs).toISOString(),
          changedBy: each.createdBy,
        }));
        return { items: items.reverse() };
      },
    }),
    defineRoute({
      name: `RollBack${noun}`,
      method: 'POST',
      path: `${one}/rollback`,
      summary: 'Puts an earlier version in force again, as a new one.',
      access: on('Put'),
      params,
      body: z.strictObject({ version: z.number().int().min(1) }),
      status: 200,
      result: summary,
      run: async ({ params: { name }, body }, context) => {
        assertNotDeclared(deps, family, name);
        return summaryOf(await store.rollBack(kind, name, body.version, change(name, context)));
      },
    }),
  ];
}

/** If-Match is about what GetPolicy shows. */
function change(name: string, { principal, head }: RequestContext) {
  return {
    by: principal.kind === 'user' ? principal.name : '',
    check: (current: PolicyText | undefined) =>
      assertUnchanged(head, policy, current && shown(name, current)),
  };
}

function shown(name: string, current: PolicyText): z.input<typeof policy> {
  return {
    name,
    source: 'api',
    version: current.version,
    changedAt: isoTime(current.createdAtMs),
    changedBy: current.createdBy,
    document: current.text,
  };
}

function summaryOf({ name, versions }: StoredPolicy): z.input<typeof summary> {
  const last = versions.at(-1);
  return {
    name,
    source: 'api',
    version: last?.version,
    changedAt: isoTime(last?.createdAtMs),
    changedBy: last?.createdBy,
  };
}

async function listAll(
  { store, declared }: PolicyRoutesDeps,
  { kind }: Family,
  { limit, after = '' }: { readonly limit: number; readonly after?: string | undefined },
): Promise<{ items: z.input<typeof summary>[]; next?: string }> {
  const known: ReadonlyMap<string, z.input<typeof summary>['source']> =
    kind === 'identity'
      ? new Map([...declared.policies].map(([name, { source }]) => [name, source]))
      : new Map([...declared.repositories.keys()].map((name) => [name, 'config']));
  const stored = await store.list(kind, { after: after === '' ? undefined : after, limit: limit + 1 });
  const found = [
    ...[...known].filter(([name]) => name > after).map(([name, from]) => ({ name, source: from })),
    ...stored.filter(({ name }) => !known.has(name)).map(summaryOf),
  ].sort((a, b) => (a.name < b.name ? -1 : 1));
  const items = found.slice(0, limit);
  const last = items.at(-1);
  return found.length > limit && last !== undefined ? { items, next: last.name } : { items };
}

function declaredText(
  { declared }: PolicyRoutesDeps,
  { kind }: Family,
  name: string,
): { readonly source: 'built-in' | 'config'; readonly document: string } | undefined {
  const found = kind === 'identity' ? declared.policies.get(name) : declared.repositories.get(name);
  return found && { source: found.source, document: found.text };
}

function assertNotDeclared(deps: PolicyRoutesDeps, family: Family, name: string): void {
  const declared = declaredText(deps, family, name);
  if (declared === undefined) return;
  const why = declared.source === 'built-in' ? 'is built in' : 'is declared in the configuration';
  throw new StoreError('conflict', `${name} ${why} and cannot be changed here.`, { resource: name });
}

function assertName({ kind }: Family, name: string): void {
  if (kind === 'identity' && !isPolicyName(name)) {
    throw new StoreError(
      'argument-invalid',
      `"${name.slice(0, 200)}" is no name of a policy, which ${POLICY_NAME_RULE}.`,
    );
  }
  const problem = kind === 'repository' ? repositoryNameProblem(name) : undefined;
  if (problem !== undefined) throw new StoreError('argument-invalid', problem);
}
