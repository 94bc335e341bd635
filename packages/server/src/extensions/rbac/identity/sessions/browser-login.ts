import { StoreError } from '@zot-artifact-store/spec';
import type { Logger } from 'pino';
import type { RequestHead } from '../../../../http/protocol.ts';
import type { EndedLogins } from '../oidc/ended-logins.ts';
import type { KnownProvider, NameBinding } from '../oidc/token-identities.ts';
import { readCookie, sessionCookieName, writeCookie } from './cookies.ts';
import { GithubClient } from './github-client.ts';
import type { LoginClient } from './login-client.ts';
import { type LoginState, openLoginState, sealLoginState } from './login-state.ts';
import { loginTarget } from './login-target.ts';
import { readLogoutToken } from './logout-token.ts';
import { ProviderClient } from './provider-client.ts';
import { isMeant } from './same-site.ts';
import type { Sessions } from './sessions.ts';

export interface BrowserLoginParts {
  readonly providers: readonly KnownProvider[];
  readonly sessions: Sessions;
  readonly ended: EndedLogins;
  readonly names: NameBinding;
  /** Seals what a browser keeps while it is at the provider. */
  readonly stateKey: Uint8Array;
  readonly clock: { now(): number };
  readonly log: Logger;
  /** Where browsers reach this server; undefined: at the loopback name they used, or at `listenOrigin`. */
  readonly publicOrigin: string | undefined;
  readonly listenOrigin: string;
  readonly callbackOrigins: readonly string[];
  readonly hasSecureCookies: boolean;
  readonly lifetimeMs: number;
}

/** What a browser is told to do next. */
export interface NextStep {
  readonly location?: string;
  readonly cookies: readonly string[];
}

const STATE_COOKIE = 'zas-login';
const CALLBACK_PATH = '/zot/auth/callback';
const STATE_MS = 10 * 60_000;
const LOOPBACK_HOST = /^(?:localhost|127\.0\.0\.1|\[::1\])(?::\d{1,5})?$/i;

/** Logins of browsers at providers, and their end. */
export class BrowserLogin {
  readonly #parts: BrowserLoginParts;
  readonly #clients: ReadonlyMap<string, LoginClient>;

  constructor(parts: BrowserLoginParts) {
    this.#parts = parts;
    this.#clients = new Map(
      parts.providers.flatMap((known) => {
        const client = clientOf(known, parts.clock);
        return client === undefined ? [] : [[known.provider.name, client]];
      }),
    );
  }

  /** Sends a browser to a provider. Throws `argument-invalid` for an unknown one. */
  async begin(
    head: RequestHead,
    asked: { readonly provider?: string; readonly target?: string },
  ): Promise<NextStep> {
    const { clock, stateKey, callbackOrigins, publicOrigin } = this.#parts;
    const client = this.#client(asked.provider);
    const provider = client.provider.name;
    const { url, state, nonce, codeVerifier } = await client.begin(this.#redirectUri(head, provider));
    const origins = publicOrigin === undefined ? callbackOrigins : [...callbackOrigins, publicOrigin];
    const sealed = sealLoginState(stateKey, {
      provider,
      state,
      nonce,
      codeVerifier,
      target: loginTarget(asked.target, origins),
      expiresAtMs: clock.now() + STATE_MS,
    });
    return {
      location: url.href,
      cookies: [this.#cookie(STATE_COOKIE, sealed, CALLBACK_PATH, STATE_MS / 1000)],
    };
  }

  /**
   * Finishes the login a browser comes back from. Throws `unauthenticated` when it did not begin here, or the provider does
   * not vouch for it.
   */
  async finish(
    head: RequestHead,
    provider: string,
  ): Promise<NextStep & { readonly user: string; readonly session: string }> {
    const { clock, stateKey, sessions, names, lifetimeMs } = this.#parts;
    const client = this.#client(provider);
    const begun = openLoginState(stateKey, readCookie(head, STATE_COOKIE) ?? '', clock.now());
    if (begun?.provider !== provider) throw notBegun();
    const current = new URL(`${this.#redirectUri(head, provider)}?${head.query}`);
    const { issuer, subject: id, sessionId, claims, idToken } = await client.finish(current, begun);
    const identity = this.#identify(provider, claims);
    const { username: wantedName, groups, roles } = identity;
    const known = await names.admit({ wantedName, source: 'oidc', subject: { issuer, id }, groups, roles });
    const { secret, session } = await sessions.create(
      {
        userName: known.name,
        provider,
        source: client.provider.via,
        issuer,
        subject: id,
        ...(sessionId !== undefined && { issuerSession: sessionId }),
        expiresAtMs: clock.now() + lifetimeMs,
        address: head.remoteAddress,
        userAgent: String(head.headers['user-agent'] ?? ''),
      },
      { groups, roles, claims, ...(idToken !== undefined && { idToken }) },
    );
    this.#parts.log.info(
      { user: known.name, provider, session: session.id, id: head.id },
      'browser logged in',
    );
    const cookies = this.#loggedIn(secret, known.name);
    return { ...this.#done(begun), cookies, user: known.name, session: session.id };
  }

  /** Ends the session of a browser. Throws `denied` for what may be a forgery. */
  async logOut(
    head: RequestHead,
  ): Promise<NextStep & { readonly endSessionUrl: string; readonly user?: string }> {
    const { sessions, publicOrigin, hasSecureCookies } = this.#parts;
    if (!isMeant(head, publicOrigin)) {
      throw new StoreError(
        'denied',
        'a logout needs the header X-ZOT-API-CLIENT, or comes from a page of this server',
      );
    }
    const secret = readCookie(head, sessionCookieName(hasSecureCookies));
    const session = secret === undefined ? undefined : await sessions.find(secret);
    const cookies = this.#loggedOut();
    if (session === undefined) return { cookies, endSessionUrl: '' };
    await sessions.end(session.id);
    this.#parts.log.info({ user: session.userName, session: session.id, id: head.id }, 'browser logged out');
    const client = this.#clients.get(session.provider);
    const url = await client?.endSessionUrl(`${this.#origin(head)}/`, session.details.idToken);
    return { cookies, endSessionUrl: url ?? '', user: session.userName };
  }

  /** The provider says that a login is over (Back-Channel Logout 1.0). Throws `unauthenticated` for a bad token. */
  async endByProvider(provider: string, logoutToken: string): Promise<void> {
    const client = this.#client(provider);
    const { issuer } = this.#parts.providers.find((known) => known.provider === client.provider) ?? {};
    if (issuer === undefined) throw unknownProvider(provider);
    const { clock, ended, sessions, log } = this.#parts;
    const ending = await readLogoutToken(logoutToken, {
      issuer,
      clientId: client.clientId,
      nowMs: clock.now(),
    });
    await ended.end(ending);
    const upToMs = ending.atMs;
    const count = await sessions.endLogins({ ...ending, issuerSession: ending.sessionId, upToMs });
    log.info({ provider, sessions: count }, 'provider ended a login');
  }

  #client(name: string | undefined): LoginClient {
    const only = name === undefined && this.#clients.size === 1 ? [...this.#clients.values()][0] : undefined;
    const client = only ?? this.#clients.get(name ?? '');
    if (client === undefined) throw unknownProvider(name);
    return client;
  }

  #identify(
    provider: string,
    claims: Parameters<KnownProvider['identify']>[0],
  ): ReturnType<KnownProvider['identify']> {
    const known = this.#parts.providers.find(({ provider: { name } }) => name === provider);
    if (known === undefined) throw unknownProvider(provider);
    return known.identify(claims);
  }

  /** Never the Host of the request, which anybody may write, unless it is one of this machine. */
  #origin({ headers: { host }, tls }: RequestHead): string {
    const { publicOrigin, listenOrigin } = this.#parts;
    if (publicOrigin !== undefined) return publicOrigin;
    if (typeof host !== 'string' || !LOOPBACK_HOST.test(host)) return listenOrigin;
    return `${tls === undefined ? 'http' : 'https'}://${host}`;
  }

  #redirectUri(head: RequestHead, provider: string): string {
    return `${this.#origin(head)}${CALLBACK_PATH}/${provider}`;
  }

  #done({ target }: LoginState): { readonly location?: string } {
    return target === '' ? {} : { location: target };
  }

  #loggedIn(secret: string, user: string): readonly string[] {
    const { hasSecureCookies, lifetimeMs } = this.#parts;
    const seconds = Math.floor(lifetimeMs / 1000);
    return [
      this.#cookie(sessionCookieName(hasSecureCookies), secret, '/', seconds),
      this.#userCookie(encodeURIComponent(user), seconds),
      this.#cookie(STATE_COOKIE, '', CALLBACK_PATH, 0),
    ];
  }

  #loggedOut(): readonly string[] {
    return [
      this.#cookie(sessionCookieName(this.#parts.hasSecureCookies), '', '/', 0),
      this.#userCookie('', 0),
    ];
  }

  #cookie(name: string, value: string, path: string, maxAgeSeconds: number): string {
    return writeCookie(name, value, { path, maxAgeSeconds, isSecure: this.#parts.hasSecureCookies });
  }

  /** Tells a page who is logged in, as zot's user interface expects; it proves nothing. */
  #userCookie(value: string, maxAgeSeconds: number): string {
    const isSecure = this.#parts.hasSecureCookies;
    return writeCookie('user', value, { path: '/', maxAgeSeconds, isSecure, isReadable: true });
  }
}

function clientOf(known: KnownProvider, clock: { now(): number }): LoginClient | undefined {
  const { provider, issuer } = known;
  const { browser, github: endpoints } = provider;
  if (browser === undefined) return undefined;
  if (endpoints !== undefined) return new GithubClient({ provider, browser, endpoints, fetch: issuer.fetch });
  return new ProviderClient({ known, browser, clock });
}

function unknownProvider(name: string | undefined): StoreError {
  const shown = name === undefined ? 'say which one with ?provider=' : `"${name.slice(0, 80)}" is none`;
  return new StoreError('argument-invalid', `logins go through a provider of the configuration; ${shown}`);
}

function notBegun(): StoreError {
  return new StoreError(
    'unauthenticated',
    'This login was not begun by this browser, or too long ago; begin again.',
  );
}
