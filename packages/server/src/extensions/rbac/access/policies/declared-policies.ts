import { checkPolicy } from '../../../../policy/check-policy.ts';
import type { Policy } from '../../../../policy/policy.ts';
import type { RbacSection } from '../../config.ts';
import { BUILT_IN_POLICIES } from './built-in-policies.ts';
import type { PolicyInForce } from './policies-in-force.ts';

export interface DeclaredPolicy {
  readonly policy: Policy;
  /** As JSON, laid out for people. */
  readonly text: string;
  readonly source: 'built-in' | 'config';
}

/** The policies that are always there and those of the config file, which the API can read and not change. */
export class DeclaredPolicies {
  readonly policies: ReadonlyMap<string, DeclaredPolicy>;
  readonly repositories: ReadonlyMap<string, DeclaredPolicy>;
  readonly #attachments: ReadonlyMap<string, readonly string[]>;
  readonly #ofEveryUser: readonly string[];

  /** The section has been checked: see config.ts. */
  constructor(section: Pick<RbacSection, 'policies' | 'attachments' | 'everyUser' | 'repositoryPolicies'>) {
    const policies = new Map<string, DeclaredPolicy>();
    for (const [source, named] of [
      ['config', section.policies],
      ['built-in', BUILT_IN_POLICIES],
    ] as const) {
      for (const [name, document] of Object.entries(named)) {
        const text = `${JSON.stringify(document, null, 2)}\n`;
        policies.set(name, { policy: compile(name, text, 'identity'), text, source });
      }
    }
    this.policies = policies;
    this.repositories = new Map(
      Object.entries(section.repositoryPolicies).map(([name, document]) => {
        const text = `${JSON.stringify(document, null, 2)}\n`;
        return [name, { policy: compile(name, text, 'resource'), text, source: 'config' }];
      }),
    );
    this.#attachments = new Map(Object.entries(section.attachments));
    this.#ofEveryUser = section.everyUser;
  }

  attachedTo(target: string): readonly string[] {
    return this.#attachments.get(target) ?? [];
  }

  /** What whoever is logged in has. */
  inForceForEveryUser(): readonly PolicyInForce[] {
    return this.#ofEveryUser.map((name) => ({
      name,
      document: `policy "${name}" of every user`,
      policy: this.policies.get(name)?.policy,
    }));
  }

  /** What the policy is attached to by the config file. */
  targetsOf(policy: string): readonly string[] {
    return [...this.#attachments].filter(([, names]) => names.includes(policy)).map(([target]) => target);
  }
}

function compile(name: string, text: string, kind: 'identity' | 'resource'): Policy {
  const checked = checkPolicy(text, { kind });
  if (!checked.ok)
    throw new Error(`the declared policy ${name} is not valid: ${checked.findings[0]?.message}`);
  return checked.policy;
}
