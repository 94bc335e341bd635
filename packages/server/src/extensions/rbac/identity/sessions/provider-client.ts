import { readFile } from 'node:fs/promises';
import { StoreError } from '@zot-artifact-store/spec';
import * as openid from 'openid-client';
import type { Claims } from '../oidc/claims.ts';
import type { BrowserClient } from '../oidc/provider.ts';
import { readToken } from '../oidc/token-form.ts';
import type { KnownProvider } from '../oidc/token-identities.ts';
import { checkClaims, verifySignature } from '../oidc/token-verifier.ts';
import { type FinishedLogin, type LoginClient, loginFailed } from './login-client.ts';
import type { LoginState } from './login-state.ts';

export interface ProviderClientParts {
  readonly known: KnownProvider;
  readonly browser: BrowserClient;
  readonly clock: { now(): number };
}

/** Claims that access tokens tell and ID tokens often do not. */
const OF_ACCESS_TOKENS = ['resource_access', 'realm_access'] as const;
const DISCOVERY_MS = 10 * 60_000;

/** A provider of OpenID Connect. */
export class ProviderClient implements LoginClient {
  readonly #parts: ProviderClientParts;
  #configured: { readonly atMs: number; readonly config: Promise<openid.Configuration> } | undefined;

  constructor(parts: ProviderClientParts) {
    this.#parts = parts;
  }

  get provider(): KnownProvider['provider'] {
    return this.#parts.known.provider;
  }

  get clientId(): string {
    return this.#parts.browser.clientId;
  }

  async begin(redirectUri: string): ReturnType<LoginClient['begin']> {
    const config = await this.#config();
    const codeVerifier = openid.randomPKCECodeVerifier();
    const state = openid.randomState();
    const nonce = openid.randomNonce();
    const url = openid.buildAuthorizationUrl(config, {
      redirect_uri: redirectUri,
      scope: this.#parts.browser.scopes.join(' '),
      code_challenge: await openid.calculatePKCECodeChallenge(codeVerifier),
      code_challenge_method: 'S256',
      state,
      nonce,
    });
    return { url, state, nonce, codeVerifier };
  }

  async finish(current: URL, state: LoginState): Promise<FinishedLogin> {
    const config = await this.#config();
    const tokens = await this.#redeem(config, current, state);
    if (tokens.id_token === undefined) throw loginFailed('gave no ID token');
    const { issuer } = this.#parts.known;
    const { options, keys } = issuer;
    const nowMs = this.#parts.clock.now();
    const idClaims = await verifySignature(readToken(tokens.id_token), { issuer: options, keys });
    const rules = { audiences: [this.clientId], authorizedParties: [], kinds: 'any' as const };
    const checked = checkClaims(idClaims, rules, { issuer: options, nowMs });
    const claims = {
      ...(await this.#userInfo(config, tokens.access_token, checked.subject)),
      ...(await this.#accessClaims(tokens.access_token, checked.subject)),
      ...idClaims,
    };
    const { issuer: vouching, subject, sessionId } = checked;
    return { issuer: vouching, subject, sessionId, claims, idToken: tokens.id_token };
  }

  /** RP-Initiated Logout 1.0. */
  async endSessionUrl(back: string, idToken: string | undefined): Promise<string | undefined> {
    try {
      const config = await this.#config();
      if (config.serverMetadata().end_session_endpoint === undefined) return undefined;
      return openid.buildEndSessionUrl(config, {
        post_logout_redirect_uri: back,
        ...(idToken !== undefined && { id_token_hint: idToken }),
      }).href;
    } catch {
      return undefined; // the session here is over in any case
    }
  }

  async #redeem(
    config: openid.Configuration,
    current: URL,
    { state, nonce, codeVerifier }: LoginState,
  ): Promise<openid.TokenEndpointResponse> {
    try {
      return await openid.authorizationCodeGrant(config, current, {
        pkceCodeVerifier: codeVerifier,
        expectedState: state,
        expectedNonce: nonce,
        idTokenExpected: true,
      });
    } catch (error) {
      if (error instanceof StoreError) throw error;
      if (error instanceof openid.AuthorizationResponseError) throw loginFailed(`said ${error.error}`, error);
      throw loginFailed('did not accept it', error);
    }
  }

  async #userInfo(config: openid.Configuration, accessToken: string, subject: string): Promise<Claims> {
    const { usesUserInfo } = this.#parts.browser;
    if (!usesUserInfo || config.serverMetadata().userinfo_endpoint === undefined) return {};
    try {
      return { ...(await openid.fetchUserInfo(config, accessToken, subject)) };
    } catch (error) {
      throw loginFailed('tells nothing about the user', error);
    }
  }

  /** An access token is the provider's business, unless it is one that would be accepted here. */
  async #accessClaims(accessToken: string, subject: string): Promise<Claims> {
    const { provider, issuer } = this.#parts.known;
    const { options, keys } = issuer;
    if (provider.tokens === undefined || provider.identity.kind !== 'claims') return {};
    try {
      const claims = await verifySignature(readToken(accessToken), { issuer: options, keys });
      const checked = checkClaims(claims, provider.tokens, {
        issuer: options,
        nowMs: this.#parts.clock.now(),
      });
      if (checked.subject !== subject) return {};
      const names = [...OF_ACCESS_TOKENS, provider.identity.groups];
      return Object.fromEntries(names.flatMap((name) => (name in claims ? [[name, claims[name]]] : [])));
    } catch {
      return {};
    }
  }

  /** Discovered when it is needed, and again after a while; a failure is not kept. */
  #config(): Promise<openid.Configuration> {
    const now = this.#parts.clock.now();
    if (this.#configured !== undefined && now - this.#configured.atMs < DISCOVERY_MS)
      return this.#configured.config;
    const config = this.#discover();
    const entry = { atMs: now, config };
    this.#configured = entry;
    config.catch(() => {
      if (this.#configured === entry) this.#configured = undefined;
    });
    return config;
  }

  async #discover(): Promise<openid.Configuration> {
    const { browser, known } = this.#parts;
    const { options, fetch } = known.issuer;
    const secret = browser.clientSecretFile
      ? (await readFile(browser.clientSecretFile, 'utf8')).trim()
      : browser.clientSecret;
    const ask: openid.CustomFetch = (url, { method, headers, body, signal }) =>
      fetch(url, {
        method,
        headers,
        ...(body !== undefined && body !== null && { body: String(body) }),
        ...(signal && { signal }),
      });
    try {
      return await openid.discovery(
        new URL(options.issuer),
        browser.clientId,
        undefined,
        secret === undefined ? openid.None() : openid.ClientSecretBasic(secret),
        // The configuration decides whether there is TLS; issuer-fetch.ts holds to it.
        { [openid.customFetch]: ask, execute: [openid.allowInsecureRequests] },
      );
    } catch (cause) {
      throw new StoreError(
        'unavailable',
        `The provider ${known.provider.name} does not answer now; try again.`,
        {
          retryAfterSeconds: 5,
          cause,
        },
      );
    }
  }
}
