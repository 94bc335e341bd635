import { StoreError } from '@zot-artifact-store/spec';
import { z } from 'zod';
import type { Permission, Principal } from '../../../extension/access.ts';
import { resourceOfArn } from '../../../extension/arn.ts';
import type { ExtensionHost } from '../../../extension/contract.ts';
import { type Explanation, explain } from '../../../extension/explain.ts';
import { imaginedHead } from './imagined-head.ts';

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

/** Who answers questions: a running server, or policies alone. */
export type Answering = Pick<ExtensionHost, 'decide'> & {
  readonly identities: Pick<ExtensionHost['identities'], 'userNamed'>;
  readonly rootUser: string;
};

/** Decides as for whom is asked about, and says why. Throws `argument-invalid`, and `resource-unknown` for disabled users. */
export async function answer(question: Question, answering: Answering): Promise<Explanation> {
  const permission = permissionOf(question);
  const principal = await principalOf(question, answering);
  return explain(await answering.decide(principal, permission, imaginedHead(question.context)), permission);
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
function permissionOf({ action, resource: arn, context }: Omit<Question, 'as'>): Permission {
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

async function principalOf({ as }: Question, { identities, rootUser }: Answering): Promise<Principal> {
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
