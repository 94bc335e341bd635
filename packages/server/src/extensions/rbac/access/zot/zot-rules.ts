import { isStoreError, parseRepositoryName, parseTag } from '@zot-artifact-store/spec';
import type { Permission, Principal } from '../../../../extension/access.ts';
import type { Authorization } from '../../../../extension/contract.ts';
import type { RequestHead } from '../../../../http/protocol.ts';
import type { Registry } from '../../../../registry/registry.ts';
import type { RbacOptions, RepositoryAction } from '../../options.ts';
import { ZotAccessControl } from './access-control.ts';
import { conditionRequest } from './condition-request.ts';

export interface ZotRulesDeps {
  readonly registry: Pick<Registry, 'manifests'>;
  readonly clock: { now(): number };
}

const ABSTAIN: Authorization = { effect: 'abstain' };
const DOCUMENT = 'http.accessControl';
const REPOSITORY = 'repository:';
/** zot never counts a push to it as a move, so `create` is enough to push it again and again. */
const ALWAYS_NEW = 'latest';

/**
 * What the file says about repositories as zot says it: `http.accessControl`, or, where there is none, that whoever
 * zot's file lets in may do everything. It only ever allows.
 */
export class ZotRules {
  readonly #deps: ZotRulesDeps;
  readonly #control: ZotAccessControl | undefined;
  readonly #unrestricted: ReadonlySet<string>;
  readonly #sendsEnginesToLogin: boolean;

  /** Throws what `ZotAccessControl` throws. */
  constructor(
    options: Pick<RbacOptions, 'accessControl' | 'unrestricted' | 'htpasswdPath'>,
    deps: ZotRulesDeps,
  ) {
    this.#deps = deps;
    this.#control = options.accessControl && new ZotAccessControl(options.accessControl);
    this.#unrestricted = new Set(options.unrestricted);
    this.#sendsEnginesToLogin = options.htpasswdPath !== undefined && this.#control?.knowsUsers !== false;
  }

  /** The groups the configuration puts the user in. */
  groupsOf(user: string): readonly string[] {
    return this.#control?.groupsOf(user) ?? [];
  }

  authorize(
    principal: Principal,
    permission: Permission,
    head: RequestHead,
  ): Promise<Authorization> | Authorization {
    switch (permission.action) {
      case 'oci:Ping':
        if (principal.kind === 'user') return allow('whoever logged in may know it', 'oci:Ping');
        return this.#isOpenFor() && !this.#mustLogIn(head) ? allow('anonymous policy', 'oci:Ping') : ABSTAIN;
      case 'oci:ListRepositories':
        // What the list shows is decided name by name.
        if (principal.kind === 'user') return allow('shows what may be pulled', 'oci:ListRepositories');
        return this.#isOpenFor('read') ? allow('anonymous policy', 'oci:ListRepositories') : ABSTAIN;
      case 'oci:Pull':
        return this.#ask(principal, permission, head, ['read']);
      case 'oci:Delete':
        return this.#ask(principal, permission, head, ['delete']);
      case 'oci:Push':
        // A manifest that is pushed by tag: whether the tag is new decides, with oci:Tag.
        return this.#ask(
          principal,
          permission,
          head,
          permission.attributes?.tag === undefined ? ['create'] : ['create', 'update'],
        );
      case 'oci:Tag':
        return this.#askForTag(principal, permission, head);
      default:
        return ABSTAIN;
    }
  }

  async #askForTag(principal: Principal, permission: Permission, head: RequestHead): Promise<Authorization> {
    const ofNew = this.#ask(principal, permission, head, ['create']);
    if (permission.attributes?.tag === ALWAYS_NEW) return ofNew;
    const ofMove = this.#ask(principal, permission, head, ['update']);
    if (ofNew.effect === ofMove.effect) return ofNew;
    return (await this.#tagExists(permission)) ? ofMove : ofNew;
  }

  /** One of the actions is enough. */
  #ask(
    principal: Principal,
    permission: Permission,
    head: RequestHead,
    actions: readonly RepositoryAction[],
  ): Authorization {
    if (!permission.resource.startsWith(REPOSITORY)) return ABSTAIN;
    const via = principal.kind === 'anonymous' ? 'anonymous' : (principal.source ?? principal.via);
    if (this.#unrestricted.has(via)) return allow('there is no accessControl, as in zot', 'http.auth');
    if (this.#control === undefined) return ABSTAIN;
    const username = principal.kind === 'user' ? principal.name : '';
    const groups =
      principal.kind === 'user' ? [...new Set([...this.groupsOf(username), ...principal.groups])] : [];
    const asker = { username, groups: new Set(groups) };
    const repository = permission.resource.slice(REPOSITORY.length);
    let message: string | undefined;
    for (const action of actions) {
      const verdict = this.#control.decide({
        asker,
        action,
        repository,
        request: (isAdmin) =>
          conditionRequest({
            principal,
            groups,
            permission,
            repository,
            action,
            isAdmin,
            head,
            nowMs: this.#deps.clock.now(),
          }),
      });
      if (verdict.isAllowed) return allow(verdict.rule, verdict.rule);
      message ??= verdict.messages[0];
    }
    return message === undefined ? ABSTAIN : { effect: 'abstain', message };
  }

  #isOpenFor(action?: RepositoryAction): boolean {
    return this.#unrestricted.has('anonymous') || this.#control?.isOpenFor(action) === true;
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

  /** As in zot, a push of the same tag at the same time may win in between; then one of two new tags replaces the other. */
  async #tagExists(permission: Permission): Promise<boolean> {
    const repository = parseRepositoryName(permission.resource.slice(REPOSITORY.length));
    try {
      const tag = parseTag(permission.attributes?.tag ?? '');
      await this.#deps.registry.manifests.resolve(repository, { tag });
      return true;
    } catch (error) {
      if (isStoreError(error, 'manifest-unknown') || isStoreError(error, 'repository-unknown')) return false;
      throw error;
    }
  }
}

function allow(reason: string, statement: string): Authorization {
  return { effect: 'allow', reason, decidedBy: { document: DOCUMENT, statement } };
}
