import { StoreError } from '@zot-artifact-store/spec';
import { z } from 'zod';
import type { Permission, Principal } from '../../../extension/access.ts';
import { type ApiRoute, defineRoute } from '../../../extension/api-route.ts';
import { resourceOfArn } from '../../../extension/arn.ts';
import type { ExtensionHost } from '../../../extension/contract.ts';
import { type Explanation, explain } from '../../../extension/explain.ts';
import { imaginedHead } from '../access/imagined-head.ts';

const names = z.array(z.string().max(1024)).max(1000);

/** What somebody might ask, as `zas policy explain` and `test` write it. */
export const questionFields = {
  as: z
    .strictObject({
      user: z
        .string()
        .min(1)
        .max(255)
        .optional()
        .meta({ description: 'Left out: a client without a login.' }),
      groups: names.optional().meta({ description: 'Default: those the user is known to have.' }),
      roles: names.optional().meta({ description: 'Roles of an issuer. Default: those last seen.' }),
      accessKeyId: z.string().max(255).optional(),
      claims: z.record(z.string(), z.unknown()).optional().meta({ description: 'Of a token.' }),
    })
    .default({}),
  action: z
    .string()
    .max(255)
    .regex(/^[a-z][a-z0-9-]*:[A-Za-z]+$/, 'must be an action such as "s3:GetObject"'),
  resource: z
    .string()
    .max(4096)
    .meta({ description: 'An ARN: `arn:zas:oci:::team-a/app`, `arn:aws:s3:::bucket/key`.' }),
  context: z
    .record(z.string().max(255), z.union([z.string(), z.array(z.string())]))
    .default({})
    .meta({
      description: 'Condition keys and their values: {"aws:SourceIp": "192.0.2.1", "oci:tag": "v1"}.',
    }),
};

export type Question = z.output<z.ZodObject<typeof questionFields>>;

const opinion = z.strictObject({
  effect: z.enum(['allow', 'deny', 'abstain']),
  reason: z.string().optional(),
  document: z.string().optional(),
  statement: z.string().optional(),
  message: z.string().optional(),
});

const explanation = z.strictObject({
  effect: z.enum(['allow', 'deny']),
  action: z.string(),
  resource: z.string(),
  decidedBy: opinion.optional().meta({ description: 'Missing when nothing allows it.' }),
  opinions: z.array(opinion),
  advice: z.string().optional().meta({ description: 'What would have to change.' }),
});

const MAX_CASES = 1000;

/** Why somebody may do something, or may not. */
export function explainRoutes(
  host: Pick<ExtensionHost, 'decide' | 'identities'>,
  rootUser: string,
): readonly ApiRoute[] {
  const ask = async (question: Question): Promise<Explanation> => {
    const permission = permissionOf(question);
    const principal = await principalOf(question, host, rootUser);
    return explain(await host.decide(principal, permission, imaginedHead(question.context)), permission);
  };
  return [
    defineRoute({
      name: 'ExplainDecision',
      method: 'POST',
      path: '/explain',
      summary: 'Decides as for somebody, does nothing, and says which statement of which document decided.',
      access: () => [{ action: 'admin:ExplainDecision', resource: 'server' }],
      body: z.strictObject(questionFields),
      status: 200,
      result: explanation,
      run: async ({ body }) => copyOf(await ask(body)),
    }),
    defineRoute({
      name: 'TestPolicies',
      method: 'POST',
      path: '/policy-tests',
      summary: 'Decides a list of cases and says which came out as expected.',
      access: () => [{ action: 'admin:TestPolicies', resource: 'server' }],
      body: z.strictObject({
        cases: z
          .array(z.strictObject({ ...questionFields, expect: z.enum(['allow', 'deny']) }))
          .min(1)
          .max(MAX_CASES),
      }),
      status: 200,
      result: z.strictObject({
        passed: z.number(),
        failed: z.number(),
        results: z.array(z.strictObject({ passed: z.boolean(), explanation })),
      }),
      run: async ({ body }) => {
        const results = [];
        for (const { expect, ...question } of body.cases) {
          const found = copyOf(await ask(question));
          results.push({ passed: found.effect === expect, explanation: found });
        }
        const passed = results.filter((result) => result.passed).length;
        return { passed, failed: results.length - passed, results };
      },
    }),
  ];
}

/** What a resource of each service begins with. */
const PLACES: Readonly<Record<string, RegExp>> = {
  oci: /^(?:repository:|server$)/,
  s3: /^bucket:/,
  admin: /^(?:admin:|server$)/,
};
/** What operations tell of themselves besides what they are about. */
const ATTRIBUTES: Readonly<Record<string, string>> = {
  'oci:tag': 'tag',
  'oci:digest': 'digest',
  's3:versionid': 's3:VersionId',
};

/** The permission a question is about. Throws `argument-invalid`. */
export function permissionOf({ action, resource: arn, context }: Omit<Question, 'as'>): Permission {
  const resource = resourceOfArn(arn);
  const shown = `"${arn.slice(0, 200)}"`;
  if (resource === undefined) {
    throw new StoreError(
      'argument-invalid',
      `${shown} is no ARN of a resource; write arn:zas:oci:::<repository>, arn:aws:s3:::<bucket>/<key> or arn:zas:admin:::<resource>.`,
    );
  }
  const place = PLACES[action.slice(0, action.indexOf(':'))];
  if (place !== undefined && !place.test(resource)) {
    throw new StoreError('argument-invalid', `${shown} is nothing that ${action} is done with.`);
  }
  const attributes = Object.entries(context).flatMap(([key, value]): [string, string][] => {
    const name = ATTRIBUTES[key.toLowerCase()];
    return name === undefined ? [] : [[name, String([value].flat()[0] ?? '')]];
  });
  // An action is a service and a name, as the schema says.
  return { action: action as Permission['action'], resource, attributes: Object.fromEntries(attributes) };
}

async function principalOf(
  { as }: Question,
  { identities }: Pick<ExtensionHost, 'identities'>,
  rootUser: string,
): Promise<Principal> {
  const { user, groups, roles, accessKeyId, claims } = as;
  if (user === undefined) return { kind: 'anonymous' };
  const known = await identities.userNamed(user);
  if (known === undefined) {
    throw new StoreError('resource-unknown', `The user ${user} is disabled, and may do nothing.`);
  }
  return {
    ...known,
    isRoot: user === rootUser,
    ...(groups !== undefined && { groups }),
    ...(roles !== undefined && { roles }),
    ...(accessKeyId !== undefined && { accessKeyId }),
    ...(claims !== undefined && { claims }),
  };
}

function copyOf(found: Explanation): z.input<typeof explanation> {
  return { ...found, opinions: [...found.opinions] };
}
