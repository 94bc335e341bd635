import { StoreError } from '@zot-artifact-store/spec';
import type { Operation, Protocol, Reply, RequestContext, RequestHead } from '../../../../http/protocol.ts';
import type { BrowserLogin, NextStep } from './browser-login.ts';

type LoginOperation = Operation &
  (
    | { readonly kind: 'begin' | 'log-out' }
    | { readonly kind: 'finish' | 'end-by-provider'; readonly provider: string }
  );

const PREFIX = '/zot/auth';
const MAX_FORM_BYTES = 64 * 1024;
/** Long paths of providers are none. */
const PROVIDER = /^[a-z0-9-]{1,63}$/;
const STATUSES: Readonly<Record<string, number>> = {
  'argument-invalid': 400,
  'request-invalid': 400,
  'body-too-large': 413,
  'uri-too-long': 414,
  'headers-too-large': 431,
  'request-timeout': 408,
  unauthenticated: 401,
  denied: 403,
  'route-unknown': 404,
  'method-not-allowed': 405,
  'too-many-requests': 429,
  unavailable: 503,
  'storage-full': 507,
};

/**
 * zot's paths of logins by browser: `GET /zot/auth/login`, `GET /zot/auth/callback/<provider>`, `POST /zot/auth/logout`, and
 * ours for the provider itself, `POST /zot/auth/backchannel-logout/<provider>`.
 */
export function createLoginProtocol(login: BrowserLogin): Protocol<LoginOperation> {
  return {
    name: 'login',
    claims: ({ path }) =>
      path === `${PREFIX}/login` ||
      path === `${PREFIX}/logout` ||
      path.startsWith(`${PREFIX}/callback/`) ||
      path.startsWith(`${PREFIX}/backchannel-logout/`),
    classify,
    async run(operation, context) {
      const { head } = context;
      switch (operation.kind) {
        case 'begin':
          return step(await login.begin(head, askedOf(head)));
        case 'finish': {
          const { provider } = operation;
          context.note({ event: 'login', provider });
          const finished = await login.finish(head, provider);
          context.note({ user: finished.user, session: finished.session });
          return step(finished);
        }
        case 'log-out': {
          const { cookies, endSessionUrl, user } = await login.logOut(head);
          if (user !== undefined) context.note({ event: 'logout', user });
          return json(200, { endSessionUrl }, cookies);
        }
        case 'end-by-provider':
          context.note({ event: 'logout', provider: operation.provider });
          await login.endByProvider(operation.provider, await logoutTokenOf(context));
          return { status: 200, headers: { 'cache-control': 'no-store' } };
      }
    },
    renderError: ({ kind, message }, { id }) =>
      json(STATUSES[kind] ?? 500, { error: { code: kind, message, requestId: id } }),
  };
}

function classify({ method, path }: RequestHead): LoginOperation {
  const [, , , what = '', provider = '', ...rest] = path.split('/');
  if (rest.length > 0 || (provider !== '' && !PROVIDER.test(provider))) {
    throw new StoreError('route-unknown', 'nothing is served at this path');
  }
  const isPost = what === 'logout' || what === 'backchannel-logout';
  if (method !== (isPost ? 'POST' : 'GET')) {
    const allow = isPost ? 'POST' : 'GET';
    throw new StoreError('method-not-allowed', `this path answers ${allow}`, { headers: { allow } });
  }
  const permissions: Operation['permissions'] = [];
  if (what === 'login') return { name: 'auth.BeginLogin', permissions, kind: 'begin' };
  if (what === 'logout') return { name: 'auth.LogOut', permissions, kind: 'log-out' };
  if (what === 'callback') return { name: 'auth.FinishLogin', permissions, kind: 'finish', provider };
  return { name: 'auth.EndLoginByProvider', permissions, kind: 'end-by-provider', provider };
}

function askedOf({ query }: RequestHead): { readonly provider?: string; readonly target?: string } {
  const asked = new URLSearchParams(query);
  const provider = asked.get('provider');
  const target = asked.get('callback_ui');
  return { ...(provider !== null && { provider }), ...(target !== null && { target }) };
}

async function logoutTokenOf({ body }: RequestContext): Promise<string> {
  const form = new URLSearchParams((await body.collect(MAX_FORM_BYTES)).toString('utf8'));
  const token = form.get('logout_token');
  if (token === null) throw new StoreError('argument-invalid', 'the form has no logout_token');
  return token;
}

/** 201 without a place to go, as in zot. */
function step({ location, cookies }: NextStep): Reply {
  return {
    status: location === undefined ? 201 : 302,
    headers: {
      'cache-control': 'no-store',
      'referrer-policy': 'no-referrer',
      'set-cookie': cookies,
      ...(location !== undefined && { location }),
    },
  };
}

function json(status: number, body: object, cookies: readonly string[] = []): Reply {
  return {
    status,
    headers: {
      'content-type': 'application/json',
      'cache-control': 'no-store',
      ...(cookies.length > 0 && { 'set-cookie': cookies }),
    },
    body: `${JSON.stringify(body)}\n`,
  };
}
