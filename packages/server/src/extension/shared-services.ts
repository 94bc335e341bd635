import { StoreError } from '@zot-artifact-store/spec';
import type { ApiRoute } from './api-route.ts';
import type { Authorizer, ExtensionHost, Identities } from './contract.ts';
import { decide } from './decide.ts';

/** Users without groups, and no issuer that is trusted: where no extension knows more. */
const NO_IDENTITIES: Identities = {
  async verifyToken() {
    throw new StoreError('unauthenticated', 'no issuer of tokens is configured here');
  },
  userNamed: async (name) => ({ kind: 'user', name, groups: [], via: 'name', isRoot: false }),
};

/** What extensions do for each other. They get it before all of them are set up, and use it after. */
export class SharedServices implements Pick<ExtensionHost, 'identities' | 'decide' | 'adminActions'> {
  #identities = NO_IDENTITIES;
  #authorizers: readonly Authorizer[] = [];
  #adminActions: readonly string[] = [];

  readonly identities: Identities = {
    verifyToken: (token) => this.#identities.verifyToken(token),
    userNamed: (name, options) => this.#identities.userNamed(name, options),
  };

  readonly decide: ExtensionHost['decide'] = (principal, permission, head) =>
    decide(this.#authorizers, principal, permission, head);

  readonly adminActions = (): readonly string[] => this.#adminActions;

  seal(parts: {
    readonly identities: Identities | undefined;
    readonly authorizers: readonly Authorizer[];
    readonly api: readonly ApiRoute[];
  }): void {
    this.#identities = parts.identities ?? NO_IDENTITIES;
    this.#authorizers = parts.authorizers;
    this.#adminActions = parts.api.map(({ name }) => `admin:${name}`);
  }
}
