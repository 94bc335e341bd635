import { startApp } from '@zot-artifact-store/testkit';
import type { Permission, UserPrincipal } from '../../packages/server/src/extension/access.ts';
import { decide } from '../../packages/server/src/extension/decide.ts';
import { PolicyStore } from '../../packages/server/src/extensions/rbac/access/policies/policy-store.ts';
import type { RequestHead } from '../../packages/server/src/http/protocol.ts';
import { median } from '../measure/statistics.ts';
import type { ExperimentContext, Finding } from './experiment.ts';

const POLICIES = 1_000;
const ROUNDS = 9;
/** As many as one group may have. */
const PER_GROUP = 100;

/**
 * The processor time of one decision of all authorisers, as the pipeline asks them, with 1,000 policies in the store on
 * disk. Time on the clock would tell of what else the machine does.
 */
export async function decisions({ quick, say }: ExperimentContext): Promise<Finding> {
  const app = await startApp({
    config: { storage: { metadataDriver: 'lmdb', blobDriver: 'filesystem' }, log: { level: 'error' } },
  });
  try {
    const { metadata } = app.app.stores;
    await fill(new PolicyStore({ metadata, clock: Date }), say);
    const { authorizers } = app.app.extensions;
    const count = quick ? 2_000 : 20_000;
    const ask = async (
      user: UserPrincipal,
      permission: Permission,
      isOneRequest: boolean,
    ): Promise<number> => {
      const times: number[] = [];
      let head = imaginedHead();
      for (let round = -1; round < ROUNDS; round++) {
        const began = process.cpuUsage();
        for (let index = 0; index < count; index++) {
          if (!isOneRequest) head = imaginedHead();
          await decide(authorizers, user, permission, head);
        }
        // The first round warms up.
        const { user: own, system } = process.cpuUsage(began);
        if (round >= 0) times.push((own + system) / count);
      }
      return Math.round(median(times) * 100) / 100;
    };
    const cases: readonly (readonly [what: string, user: UserPrincipal, permission: Permission])[] = [
      ['10 attached, the last allows', userWith(['group-0-10']), pull('team-9/app')],
      ['10 attached, none allows', userWith(['group-0-10']), pull('elsewhere/app')],
      ['all 1,000 attached, none allows', userWith(groupsOfAll()), pull('elsewhere/app')],
      ['none attached', userWith([]), pull('team-1/app')],
    ];
    const figures = [];
    for (const [what, user, permission] of cases) {
      const alone = await ask(user, permission, false);
      const listed = await ask(user, permission, true);
      say(`${what}: ${alone} µs`);
      figures.push({ policies: what, 'µs, a request of its own': alone, 'µs, one of a list': listed });
    }
    return {
      name: 'decisions',
      aim: 'at most 20 µs of processor time with 1,000 policies in the store',
      figures,
    };
  } finally {
    await app.close();
  }
}

function groupsOfAll(): string[] {
  return Array.from({ length: POLICIES / PER_GROUP }, (_, group) => `group-${group}`);
}

/** Each policy has five statements, with wildcards, variables and conditions among them. */
async function fill(store: PolicyStore, say: (line: string) => void): Promise<void> {
  for (let index = 0; index < POLICIES; index++) {
    const statements = [
      { Effect: 'Allow', Action: ['oci:Pull', 'oci:Push'], Resource: `arn:zas:oci:::team-${index}/*` },
      {
        Effect: 'Allow',
        Action: 's3:Get*',
        Resource: [`arn:aws:s3:::data-${index}`, `arn:aws:s3:::data-${index}/*`],
      },
      { Effect: 'Allow', Action: 'oci:*', Resource: `arn:zas:oci:::home/\${aws:username}/${index}/*` },
      {
        Effect: 'Allow',
        Action: 'oci:Pull',
        Resource: `arn:zas:oci:::office-${index}/*`,
        Condition: { IpAddress: { 'aws:SourceIp': '10.0.0.0/8' } },
      },
      { Effect: 'Deny', Action: 'oci:Delete', Resource: `arn:zas:oci:::*-${index}/keep` },
    ];
    const name = `policy-${index}`;
    await store.put('identity', name, JSON.stringify({ Version: '2012-10-17', Statement: statements }), {
      by: 'bench',
    });
    await store.attach(name, `group:group-${Math.floor(index / PER_GROUP)}`, () => false);
    if (index < 10) await store.attach(name, 'group:group-0-10', () => false);
    if ((index + 1) % 250 === 0) say(`${index + 1} policies`);
  }
}

function userWith(groups: readonly string[]): UserPrincipal {
  return { kind: 'user', name: 'alice', groups, via: 'bench', isRoot: false };
}

function pull(repository: string): Permission {
  return { action: 'oci:Pull', resource: `repository:${repository}` };
}

function imaginedHead(): RequestHead {
  return {
    id: 'bench',
    method: 'GET',
    target: '/',
    path: '/',
    query: '',
    headers: {},
    rawHeaders: [],
    remoteAddress: '192.0.2.1',
  };
}
