import { StoreError } from '@zot-artifact-store/spec';
import { z } from 'zod';
import { pageOf, pageQuery } from '../../../extension/api-page.ts';
import { type ApiRoute, defineRoute } from '../../../extension/api-route.ts';
import { unknownPolicy } from '../access/policies/policy-store.ts';
import { targetProblem } from '../access/policies/targets.ts';
import type { PolicyRoutesDeps } from './policies.ts';

const source = z
  .enum(['config', 'api'])
  .meta({ description: 'Who attached it; what the configuration attached stays.' });

/** What policies are attached to. */
export function attachmentRoutes({ store, declared }: PolicyRoutesDeps): readonly ApiRoute[] {
  const ofPolicy = z.strictObject({ name: z.string() });
  const ofAttachment = z.strictObject({
    name: z.string(),
    target: z
      .string()
      .meta({ description: '`user:<name>`, `group:<name>`, `role:<name>`, `access-key:<id>`.' }),
  });
  return [
    defineRoute({
      name: 'ListPolicyAttachments',
      method: 'GET',
      path: '/policies/{name}/attachments',
      summary: 'What a policy is attached to.',
      access: ({ name }) => [{ action: 'admin:GetPolicy', resource: `admin:policy/${name}` }],
      params: ofPolicy,
      query: z.strictObject(pageQuery),
      status: 200,
      result: pageOf(z.strictObject({ target: z.string(), source })),
      run: async ({ params: { name }, query: { limit, after } }) => {
        if (!declared.policies.has(name) && (await store.find('identity', name)) === undefined) {
          throw unknownPolicy(name);
        }
        // Those of the configuration are few, and come with the first page.
        const ofConfig = after === undefined ? declared.targetsOf(name) : [];
        const found = await store.targetsOf(name, { after, limit: limit + 1 });
        const shown = found.slice(0, limit);
        const items = [
          ...ofConfig.map((target) => ({ target, source: 'config' as const })),
          ...shown.map((target) => ({ target, source: 'api' as const })),
        ];
        const last = shown.at(-1);
        return found.length > limit && last !== undefined ? { items, next: last } : { items };
      },
    }),
    defineRoute({
      name: 'ListAttachedPolicies',
      method: 'GET',
      path: '/attachments/{target}',
      summary: 'The policies somebody has, or a group, a role, an access key.',
      access: ({ target }) => [
        { action: 'admin:ListAttachedPolicies', resource: `admin:attachment/${target}` },
      ],
      params: z.strictObject({ target: ofAttachment.shape.target }),
      status: 200,
      result: z.strictObject({ items: z.array(z.strictObject({ policy: z.string(), source })) }),
      run: async ({ params: { target } }) => {
        assertTarget(target);
        const ofConfig = declared.attachedTo(target);
        const ofApi = (await store.attachedTo(target)).filter((name) => !ofConfig.includes(name));
        return {
          items: [
            ...ofConfig.map((policy) => ({ policy, source: 'config' as const })),
            ...ofApi.map((policy) => ({ policy, source: 'api' as const })),
          ],
        };
      },
    }),
    defineRoute({
      name: 'AttachPolicy',
      method: 'PUT',
      path: '/policies/{name}/attachments/{target}',
      summary: 'Attaches a policy. Attaching what is attached succeeds.',
      access: both('admin:AttachPolicy'),
      params: ofAttachment,
      status: 204,
      run: async ({ params: { name, target } }) => {
        assertTarget(target);
        await store.attach(name, target, (policy) => declared.policies.has(policy));
        return undefined;
      },
    }),
    defineRoute({
      name: 'DetachPolicy',
      method: 'DELETE',
      path: '/policies/{name}/attachments/{target}',
      summary: 'Detaches a policy.',
      access: both('admin:DetachPolicy'),
      params: ofAttachment,
      status: 204,
      run: async ({ params: { name, target } }) => {
        assertTarget(target);
        const isAttached = (await store.attachedTo(target)).includes(name);
        if (!isAttached && declared.attachedTo(target).includes(name)) {
          throw new StoreError(
            'conflict',
            `${name} is attached to ${target} by the configuration, and stays.`,
          );
        }
        await store.detach(name, target);
        return undefined;
      },
    }),
  ];
}

/** Whoever attaches needs the right to do it with that policy, and to that target. */
function both(action: `admin:${string}`): ApiRoute['access'] {
  return ({ name, target }) => [
    { action, resource: `admin:policy/${name}` },
    { action, resource: `admin:attachment/${target}` },
  ];
}

function assertTarget(target: string): void {
  const problem = targetProblem(target);
  if (problem !== undefined) throw new StoreError('argument-invalid', problem);
}
