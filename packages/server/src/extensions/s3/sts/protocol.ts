import type { Operation, Protocol, Reply, RequestContext, RequestHead } from '../../../http/protocol.ts';
import { bucketsInHost, type HostRule } from '../addressing.ts';
import { headerOf } from '../auth/header-of.ts';
import { STS_ACTIONS } from './actions.ts';
import type { StsDeps } from './deps.ts';
import { invalid, parseParameters, required } from './parameters.ts';
import { StsError } from './sts-error.ts';
import { renderStsError, stsReply } from './sts-reply.ts';

const MAX_BODY_BYTES = 64 * 1024;
const FORM = /^application\/x-www-form-urlencoded\s*(?:;|$)/i;
const HAS_ACTION = /(?:^|&)Action=/;
const COMMON = ['Action', 'Version'];

/**
 * STS on the endpoint of S3: `POST /` with a form, or with its parameters in the query. Who asks is found out from the
 * body, so no permission stands here; each action says who may.
 */
export function createStsProtocol(deps: StsDeps, hosts: HostRule): Protocol {
  const bucketOf = bucketsInHost(hosts);
  return {
    name: 'sts',
    claims: (head) =>
      head.path === '/' && head.method === 'POST' && isSts(head) && bucketOf(head) === undefined,
    classify: () => ({ name: 'sts.Request', permissions: [] }),
    run: (_operation: Operation, context) => run(context, deps),
    renderError: renderStsError,
  };
}

function isSts(head: RequestHead): boolean {
  return HAS_ACTION.test(head.query) || FORM.test(headerOf(head, 'content-type') ?? '');
}

async function run(context: RequestContext, deps: StsDeps): Promise<Reply> {
  const { head } = context;
  const body = await context.body.collect(MAX_BODY_BYTES);
  const form = [head.query, body.toString()].filter((part) => part !== '').join('&');
  const parameters = parseParameters(form);
  if (!parameters.has('Action')) throw new StsError('MissingAction', 'The request has no Action.');
  const name = required(parameters, 'Action');
  const action = Object.hasOwn(STS_ACTIONS, name) ? STS_ACTIONS[name] : undefined;
  if (action === undefined) {
    throw new StsError('InvalidAction', `"${name.slice(0, 64)}" is not an action of STS here.`);
  }
  for (const parameter of parameters.keys()) {
    if (COMMON.includes(parameter) || action.parameters.includes(parameter)) continue;
    if (parameter.startsWith('PolicyArns.') && action.parameters.includes('Policy')) continue;
    throw invalid(`${name} does not support the parameter "${parameter.slice(0, 64)}"`);
  }
  return stsReply(name, await action.run({ parameters, body, context, deps }), head);
}
