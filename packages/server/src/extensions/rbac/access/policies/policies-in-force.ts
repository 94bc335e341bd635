import { StoreError } from '@zot-artifact-store/spec';
import type { Logger } from 'pino';
import { MAX_POLICY_BYTES } from '../../../../policy/check-policy.ts';
import { parsePolicy } from '../../../../policy/parse-policy.ts';
import { type Policy, PolicyProblem } from '../../../../policy/policy.ts';
import { PolicySet } from '../../../../policy/policy-set.ts';
import type { DeclaredPolicies } from './declared-policies.ts';
import type { PolicyKind } from './policy-keys.ts';
import type { PolicyStore, PolicyVersion } from './policy-store.ts';

/** A policy ready to be evaluated, and what explanations call it. */
export interface PolicyInForce {
  readonly name: string;
  /** `policy "deployers"`, `policy of repository team-a`. */
  readonly document: string;
  /** Undefined for one that is attached and not there any more, or damaged. */
  readonly policy: Policy | undefined;
}

const MAX_COMPILED = 5_000;
const MAX_SETS = 2_000;

/** What somebody has, ready to be asked. */
export interface PoliciesOfSomebody {
  readonly set: PolicySet;
  /** One that is attached and not there any more: it might have denied something. */
  readonly gone: string | undefined;
}

/** What held at one generation. */
export class PolicySnapshot {
  readonly generation: number;
  /** By the repository, or the beginning of repositories' names, they are about. */
  readonly ofRepositories: ReadonlyMap<string, PolicyInForce>;
  /** Whether some policy of a repository gives something to everybody. */
  readonly isPublic: boolean;
  readonly #load: (target: string) => Promise<readonly PolicyInForce[]>;
  readonly #sets = new Map<string, PoliciesOfSomebody>();

  constructor(
    generation: number,
    ofRepositories: ReadonlyMap<string, PolicyInForce>,
    load: (target: string) => Promise<readonly PolicyInForce[]>,
  ) {
    this.generation = generation;
    this.ofRepositories = ofRepositories;
    this.isPublic = [...ofRepositories.values()].some(({ policy }) =>
      policy?.statements.some(
        ({ effect, principal }) => effect === 'allow' && principal?.kind === 'everyone',
      ),
    );
    this.#load = load;
  }

  /** Those attached to any of the targets, and some more; a promise only when they are not in memory. */
  attachedTo(
    targets: readonly string[],
    more: readonly PolicyInForce[],
  ): PoliciesOfSomebody | Promise<PoliciesOfSomebody> {
    // No target has a line break in its name.
    const key = `${more.length}\n${targets.join('\n')}`;
    return this.#sets.get(key) ?? this.#read(key, targets, more);
  }

  async #read(
    key: string,
    targets: readonly string[],
    more: readonly PolicyInForce[],
  ): Promise<PoliciesOfSomebody> {
    const attached = (await Promise.all(targets.map((target) => this.#load(target)))).flat();
    // The same policy may come from a group and a role.
    const byDocument = new Map([...attached, ...more].map((one) => [one.document, one]));
    const gone = [...byDocument.values()].find(({ policy }) => policy === undefined)?.document;
    const set = new PolicySet(
      [...byDocument.values()].flatMap(({ document, policy }) => (policy ? [{ document, policy }] : [])),
    );
    const found: PoliciesOfSomebody = { set, gone };
    if (this.#sets.size >= MAX_SETS) this.#sets.clear();
    this.#sets.set(key, found);
    return found;
  }
}

/**
 * The policies as they are now, compiled. Each question reads the generation, which is one look into memory that all
 * workers share, so a change counts from the next request on. Throws `unavailable` when they cannot be read: then
 * nobody may do anything that needs a policy.
 */
export class PoliciesInForce {
  readonly #store: PolicyStore;
  readonly #declared: DeclaredPolicies;
  readonly #log: Pick<Logger, 'error'>;
  readonly #compiled = new Map<string, Policy>();
  #snapshot: PolicySnapshot | undefined;

  constructor(store: PolicyStore, declared: DeclaredPolicies, log: Pick<Logger, 'error'>) {
    this.#store = store;
    this.#declared = declared;
    this.#log = log;
  }

  async current(): Promise<PolicySnapshot> {
    try {
      const generation = await this.#store.generation();
      if (this.#snapshot?.generation !== generation) this.#snapshot = await this.#read(generation);
      return this.#snapshot;
    } catch (cause) {
      throw unreadable(cause);
    }
  }

  async #read(generation: number): Promise<PolicySnapshot> {
    const ofRepositories = new Map<string, PolicyInForce>();
    for (const { name, versions } of await this.#store.all('repository')) {
      const policy = await this.#compileOfRepository(name, versions.at(-1));
      ofRepositories.set(name, { name, document: `policy of repository ${name}`, policy });
    }
    for (const [name, { policy }] of this.#declared.repositories) {
      ofRepositories.set(name, { name, document: `policy of repository ${name}`, policy });
    }
    return new PolicySnapshot(generation, ofRepositories, async (target) => {
      try {
        return await this.#attachedTo(target);
      } catch (cause) {
        throw unreadable(cause);
      }
    });
  }

  async #attachedTo(target: string): Promise<readonly PolicyInForce[]> {
    const names = new Set([...this.#declared.attachedTo(target), ...(await this.#store.attachedTo(target))]);
    return Promise.all([...names].map((name) => this.#named(name)));
  }

  async #named(name: string): Promise<PolicyInForce> {
    const document = `policy "${name}"`;
    const declared = this.#declared.policies.get(name);
    if (declared !== undefined) return { name, document, policy: declared.policy };
    const stored = await this.#store.find('identity', name);
    return { name, document, policy: await this.#compile('identity', stored?.versions.at(-1)) };
  }

  /** One that is damaged closes its repositories, and not all others. */
  async #compileOfRepository(name: string, version: PolicyVersion | undefined): Promise<Policy | undefined> {
    try {
      return await this.#compile('repository', version);
    } catch (error) {
      if (!(error instanceof PolicyProblem)) throw error;
      this.#log.error({ repository: name, err: error }, 'the policy of a repository is damaged');
      return undefined;
    }
  }

  async #compile(kind: PolicyKind, version: PolicyVersion | undefined): Promise<Policy | undefined> {
    if (version === undefined) return undefined;
    const known = this.#compiled.get(version.revision);
    if (known !== undefined) return known;
    // It was checked when it was put. What has become unknown since then is about nothing.
    const policy = parsePolicy(await this.#store.textOf(version), {
      kind: kind === 'identity' ? 'identity' : 'resource',
      maxBytes: MAX_POLICY_BYTES,
    });
    if (this.#compiled.size >= MAX_COMPILED) this.#compiled.clear();
    this.#compiled.set(version.revision, policy);
    return policy;
  }
}

function unreadable(cause: unknown): StoreError {
  if (cause instanceof StoreError && cause.kind === 'unavailable') return cause;
  return new StoreError('unavailable', 'The policies cannot be read, so nothing is allowed that needs one.', {
    cause,
  });
}
