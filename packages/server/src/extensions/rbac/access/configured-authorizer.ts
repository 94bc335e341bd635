import { isStoreError, parseRepositoryName, parseTag } from '@zot-artifact-store/spec';
import type { Permission, Principal } from '../../../extension/access.ts';
import type { Authorization, Authorizer } from '../../../extension/contract.ts';
import type { RequestHead } from '../../../http/protocol.ts';
import type { Registry } from '../../../registry/registry.ts';
import type { RbacOptions, RepositoryAction } from '../options.ts';

const ABSTAIN: Authorization = { effect: 'abstain' };

/**
 * Root may do everything; users of the htpasswd file and clients without credentials what the configuration says, in
 * every repository. Nobody else gets anything here, and nobody is denied what another extension allows.
 */
export class ConfiguredAuthorizer implements Authorizer {
  readonly #registry: Pick<Registry, 'manifests'>;
  readonly #anonymous: ReadonlySet<RepositoryAction>;
  readonly #users: ReadonlySet<RepositoryAction>;
  readonly #sendsEnginesToLogin: boolean;

  constructor(
    options: Pick<RbacOptions, 'anonymous' | 'users' | 'htpasswdPath'>,
    registry: Pick<Registry, 'manifests'>,
  ) {
    this.#registry = registry;
    this.#anonymous = new Set(options.anonymous);
    this.#users = new Set(options.users);
    this.#sendsEnginesToLogin = options.htpasswdPath !== undefined && options.users.length > 0;
  }

  authorize(
    principal: Principal,
    permission: Permission,
    head: RequestHead,
  ): Promise<Authorization> | Authorization {
    if (principal.kind === 'anonymous') {
      if (permission.action === 'oci:Ping' && this.#mustLogIn(head)) return ABSTAIN;
      return this.#decide(this.#anonymous, permission, 'anonymous policy');
    }
    if (principal.isRoot) return { effect: 'allow', reason: 'root' };
    return principal.via === 'htpasswd' ? this.#decide(this.#users, permission, 'htpasswd users') : ABSTAIN;
  }

  /**
   * A Docker engine takes 200 on `/v2/` for "there are no users here" and never sends the credentials it has, so it is
   * challenged where there are users besides anonymous rights. Its empty credentials then count as anonymous.
   */
  #mustLogIn(head: RequestHead): boolean {
    if (!this.#sendsEnginesToLogin || head.headers.authorization !== undefined) return false;
    const agent = head.headers['user-agent'];
    return typeof agent === 'string' && (agent.startsWith('docker/') || agent.includes('Docker-Client'));
  }

  #decide(
    actions: ReadonlySet<RepositoryAction>,
    permission: Permission,
    reason: string,
  ): Promise<Authorization> | Authorization {
    const answer = (allowed: boolean): Authorization => (allowed ? { effect: 'allow', reason } : ABSTAIN);
    switch (permission.action) {
      case 'oci:Ping':
        return answer(actions.size > 0);
      case 'oci:Pull':
      case 'oci:ListRepositories':
        return answer(actions.has('read'));
      case 'oci:Delete':
        return answer(actions.has('delete'));
      case 'oci:Push':
        // A manifest that is pushed by tag: whether the tag is new decides, below.
        return answer(
          actions.has('create') || (permission.attributes?.tag !== undefined && actions.has('update')),
        );
      case 'oci:Tag':
        if (actions.has('create') === actions.has('update')) return answer(actions.has('create'));
        return this.#tagExists(permission).then((exists) =>
          answer(actions.has(exists ? 'update' : 'create')),
        );
      default:
        return ABSTAIN;
    }
  }

  /** As in zot, a push of the same tag at the same time may win in between; then one of two new tags replaces the other. */
  async #tagExists(permission: Permission): Promise<boolean> {
    const repository = parseRepositoryName(permission.resource.slice('repository:'.length));
    try {
      await this.#registry.manifests.resolve(repository, { tag: parseTag(permission.attributes?.tag ?? '') });
      return true;
    } catch (error) {
      if (isStoreError(error, 'manifest-unknown') || isStoreError(error, 'repository-unknown')) return false;
      throw error;
    }
  }
}
