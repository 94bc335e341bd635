import type { Permission, Principal } from '../../../extension/access.ts';
import type { Authorization, Authorizer } from '../../../extension/contract.ts';
import type { RequestHead } from '../../../http/protocol.ts';
import type { ZotRules } from './zot/zot-rules.ts';

/** What this server's own rules say: root may do everything; what the file says of repositories comes after. */
export class AccessAuthorizer implements Authorizer {
  readonly #zot: ZotRules;

  constructor({ zot }: { readonly zot: ZotRules }) {
    this.#zot = zot;
  }

  authorize(
    principal: Principal,
    permission: Permission,
    head: RequestHead,
  ): Promise<Authorization> | Authorization {
    if (principal.kind === 'user' && principal.isRoot) return { effect: 'allow', reason: 'root' };
    return this.#zot.authorize(principal, permission, head);
  }
}
