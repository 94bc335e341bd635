import type { Permission, Principal, UserPrincipal } from '../../../extension/access.ts';
import { arnOf } from '../../../extension/arn.ts';
import type { Authorization, Authorizer } from '../../../extension/contract.ts';
import type { RequestHead } from '../../../http/protocol.ts';
import { evaluatePolicy, type PolicyDecision, type PolicyRequest } from '../../../policy/evaluate.ts';
import type { Statement } from '../../../policy/policy.ts';
import { principalNames, requestValues } from '../../../policy/request-values.ts';
import { LimitDocuments } from './limit-documents.ts';
import type {
  PoliciesInForce,
  PoliciesOfSomebody,
  PolicyInForce,
  PolicySnapshot,
} from './policies/policies-in-force.ts';
import { targetsOf } from './policies/targets.ts';
import type { ZotRules } from './zot/zot-rules.ts';

export interface AccessAuthorizerDeps {
  readonly zot: Pick<ZotRules, 'groupsOf' | 'authorize'>;
  readonly policies: Pick<PoliciesInForce, 'current'>;
  /** What whoever is logged in has. */
  readonly ofEveryUser: readonly PolicyInForce[];
  readonly clock: { now(): number };
  /** The peer's address, or the one a trusted proxy speaks for. */
  clientAddress(head: RequestHead): string;
}

const REPOSITORY = 'repository:';
/** What shows nothing by itself: a limit need not allow it, though it can deny it. */
const HARMLESS: ReadonlySet<string> = new Set(['oci:Ping', 'oci:ListRepositories']);

/**
 * What this server's own rules say, in this order: what narrows the credential must allow; root may do everything;
 * then policies of the user and of what the user has, policies of the repository and of those around it, and last what
 * the file says of repositories. A Deny anywhere wins, else one Allow is enough.
 */
export class AccessAuthorizer implements Authorizer {
  readonly #deps: AccessAuthorizerDeps;
  readonly #limits = new LimitDocuments();
  /** One request is decided by the policies of one moment. */
  readonly #snapshots = new WeakMap<RequestHead, PolicySnapshot>();

  constructor(deps: AccessAuthorizerDeps) {
    this.#deps = deps;
  }

  authorize(
    principal: Principal,
    permission: Permission,
    head: RequestHead,
  ): Promise<Authorization> | Authorization {
    const request: PolicyRequest = {
      principal: principalOf(principal),
      action: permission.action,
      resource: arnOf(permission),
      values: requestValues({
        principal,
        permission,
        head,
        nowMs: this.#deps.clock.now(),
        clientAddress: this.#deps.clientAddress(head),
      }),
    };
    const asked: Asked = { principal, permission, head, request };
    if (principal.kind === 'user') {
      const denial = this.#askLimits(principal, asked);
      if (denial !== undefined) return denial;
      if (principal.isRoot) return { effect: 'allow', reason: 'root' };
    }
    const snapshot = this.#snapshots.get(head);
    return snapshot === undefined ? this.#readAndAsk(asked) : this.#askPolicies(snapshot, asked);
  }

  #askLimits({ limits = [] }: UserPrincipal, { request, permission }: Asked): Authorization | undefined {
    for (const { name, document } of limits) {
      const policy = this.#limits.parsed(document);
      const decision: PolicyDecision =
        policy === undefined ? { effect: 'none' } : evaluatePolicy(policy, request);
      if (decision.effect === 'allow') continue;
      if (decision.effect === 'none' && policy !== undefined && HARMLESS.has(permission.action)) continue;
      return {
        effect: 'deny',
        reason: decision.effect === 'deny' ? `${name} denies it` : `${name} does not allow it`,
        decidedBy: {
          document: name,
          ...(decision.effect === 'deny' && { statement: statementName(decision) }),
        },
      };
    }
    return undefined;
  }

  async #readAndAsk(asked: Asked): Promise<Authorization> {
    const snapshot = await this.#deps.policies.current();
    this.#snapshots.set(asked.head, snapshot);
    return this.#askPolicies(snapshot, asked);
  }

  #askPolicies(snapshot: PolicySnapshot, asked: Asked): Promise<Authorization> | Authorization {
    const { principal } = asked;
    if (principal.kind === 'anonymous') return this.#combine(snapshot, asked, undefined);
    const found = snapshot.attachedTo(
      targetsOf(principal, this.#deps.zot.groupsOf(principal.name)),
      principal.assumedRole === undefined ? this.#deps.ofEveryUser : [],
    );
    return found instanceof Promise
      ? found.then((policies) => this.#combine(snapshot, asked, policies))
      : this.#combine(snapshot, asked, found);
  }

  #combine(
    snapshot: PolicySnapshot,
    asked: Asked,
    ofUser: PoliciesOfSomebody | undefined,
  ): Promise<Authorization> | Authorization {
    if (ofUser?.gone !== undefined)
      return { effect: 'deny', reason: `${ofUser.gone} is attached and is gone` };
    const decision = ofUser?.set.decide(asked.request) ?? { effect: 'none' };
    if (decision.effect === 'deny') return opinionOf(decision.document, decision);
    let allowed = decision.effect === 'allow' ? opinionOf(decision.document, decision) : undefined;
    for (const { document, policy } of policiesAround(snapshot, asked.permission)) {
      if (policy === undefined) return { effect: 'deny', reason: `${document} is damaged` };
      const said = evaluatePolicy(policy, asked.request);
      if (said.effect === 'none') continue;
      if (said.effect === 'deny') return opinionOf(document, said);
      allowed ??= opinionOf(document, said);
    }
    return allowed ?? this.#askFile(snapshot, asked);
  }

  #askFile(
    snapshot: PolicySnapshot,
    { principal, permission, head }: Asked,
  ): Promise<Authorization> | Authorization {
    if (principal.kind === 'anonymous' && snapshot.isPublic && HARMLESS.has(permission.action)) {
      return { effect: 'allow', reason: 'a policy of a repository gives something to everybody' };
    }
    return this.#deps.zot.authorize(principal, permission, head);
  }
}

interface Asked {
  readonly principal: Principal;
  readonly permission: Permission;
  readonly head: RequestHead;
  readonly request: PolicyRequest;
}

/** The policies of the repository and of every beginning of its name: `a`, `a/b`, `a/b/c`. */
function policiesAround(
  { ofRepositories }: PolicySnapshot,
  { resource }: Permission,
): readonly PolicyInForce[] {
  if (ofRepositories.size === 0 || !resource.startsWith(REPOSITORY)) return [];
  const name = resource.slice(REPOSITORY.length);
  const found: PolicyInForce[] = [];
  for (let end = name.indexOf('/'); ; end = name.indexOf('/', end + 1)) {
    const policy = ofRepositories.get(end < 0 ? name : name.slice(0, end));
    if (policy !== undefined) found.push(policy);
    if (end < 0) return found;
  }
}

/** Only policies of repositories ask for names, and few requests meet one. */
function principalOf(principal: Principal): PolicyRequest['principal'] {
  let names: ReadonlySet<string> | undefined;
  return {
    get names() {
      names ??= principalNames(principal);
      return names;
    },
  };
}

interface Decided {
  readonly effect: 'allow' | 'deny';
  readonly statement: Statement;
  readonly index: number;
}

function opinionOf(document: string, decision: Decided): Authorization {
  const statement = statementName(decision);
  return {
    effect: decision.effect,
    reason: `${document}, statement ${statement}`,
    decidedBy: { document, statement },
  };
}

function statementName({ index, statement }: Decided): string {
  return statement.sid ?? String(index);
}
