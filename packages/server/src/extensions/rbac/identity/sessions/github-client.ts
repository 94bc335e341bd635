import { StoreError } from '@zot-artifact-store/spec';
import * as openid from 'openid-client';
import { z } from 'zod';
import type { IssuerFetch } from '../oidc/issuer-fetch.ts';
import type { BrowserClient, GithubEndpoints, Provider } from '../oidc/provider.ts';
import { type FinishedLogin, type LoginClient, loginFailed } from './login-client.ts';
import type { LoginState } from './login-state.ts';

export interface GithubClientParts {
  readonly provider: Provider;
  readonly browser: BrowserClient;
  readonly endpoints: GithubEndpoints;
  readonly fetch: IssuerFetch;
}

const PER_PAGE = 100;
const MAX_PAGES = 10;

const granted = z.object({ access_token: z.string().min(1) });
const account = z.object({ id: z.number(), login: z.string() });
const emails = z.array(z.object({ email: z.string(), primary: z.boolean(), verified: z.boolean() }));
const organizations = z.array(z.object({ login: z.string() }));
const teams = z.array(z.object({ slug: z.string(), organization: z.object({ login: z.string() }) }));

/**
 * GitHub, which has OAuth 2.0 and no OpenID Connect for people: its API says who the user is. As in zot, the primary e-mail
 * address (a verified one) is what names are made of, and organizations and teams (`org/team`) are the groups.
 */
export class GithubClient implements LoginClient {
  readonly #parts: GithubClientParts;

  constructor(parts: GithubClientParts) {
    this.#parts = parts;
  }

  get provider(): Provider {
    return this.#parts.provider;
  }

  get clientId(): string {
    return this.#parts.browser.clientId;
  }

  async begin(redirectUri: string): ReturnType<LoginClient['begin']> {
    const { browser, endpoints } = this.#parts;
    const codeVerifier = openid.randomPKCECodeVerifier();
    const state = openid.randomState();
    const url = new URL(endpoints.authorizeUrl);
    url.search = new URLSearchParams({
      client_id: browser.clientId,
      redirect_uri: redirectUri,
      response_type: 'code',
      scope: browser.scopes.join(' '),
      state,
      code_challenge: await openid.calculatePKCECodeChallenge(codeVerifier),
      code_challenge_method: 'S256',
    }).toString();
    return { url, state, nonce: '', codeVerifier };
  }

  async finish(current: URL, { state, codeVerifier }: LoginState): Promise<FinishedLogin> {
    const answer = current.searchParams;
    if (answer.get('state') !== state) throw loginFailed('sent back another state');
    const code = answer.get('code');
    if (code === null) throw loginFailed(`said ${(answer.get('error') ?? 'nothing').slice(0, 100)}`);
    current.search = '';
    const token = await this.#redeem(code, { redirectUri: current.href, codeVerifier });
    const { id, login } = await this.#ask(account, '/user', token);
    const primary = (await this.#ask(emails, '/user/emails', token)).find(
      ({ primary: is, verified }) => is && verified,
    );
    const orgs = await this.#pages(organizations, '/user/orgs', token);
    const inTeams = await this.#pages(teams, '/user/teams', token);
    const groups = [
      ...orgs.map((one) => one.login),
      ...inTeams.map(({ slug, organization }) => `${organization.login}/${slug}`),
    ];
    const subject = String(id);
    return {
      issuer: this.provider.issuer.issuer,
      subject,
      sessionId: undefined,
      claims: { sub: subject, preferred_username: login, groups, ...(primary && { email: primary.email }) },
    };
  }

  /** GitHub has no such place. */
  async endSessionUrl(): Promise<undefined> {
    return undefined;
  }

  async #redeem(
    code: string,
    { redirectUri, codeVerifier }: { readonly redirectUri: string; readonly codeVerifier: string },
  ): Promise<string> {
    const { browser, endpoints, fetch } = this.#parts;
    const answer = await fetch(endpoints.tokenUrl, {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: new URLSearchParams({
        grant_type: 'authorization_code',
        client_id: browser.clientId,
        client_secret: browser.clientSecret ?? '',
        code,
        redirect_uri: redirectUri,
        code_verifier: codeVerifier,
      }).toString(),
    });
    // Refusals come with 200 and no token.
    const parsed = granted.safeParse(await json(answer));
    if (!answer.ok || !parsed.success) throw loginFailed('did not accept it');
    return parsed.data.access_token;
  }

  async #ask<T>(schema: z.ZodType<T>, path: string, token: string): Promise<T> {
    const { endpoints, fetch } = this.#parts;
    const answer = await fetch(`${endpoints.apiUrl}${path}`, {
      headers: {
        accept: 'application/vnd.github+json',
        authorization: `Bearer ${token}`,
        'user-agent': 'zot-artifact-store',
      },
    });
    const parsed = schema.safeParse(await json(answer));
    if (answer.ok && parsed.success) return parsed.data;
    throw loginFailed(`answers ${answer.status} to ${path}; the scopes user and read:org are needed`);
  }

  /** Throws for more pages than anybody has: with half of the groups a denial could be missed. */
  async #pages<T>(schema: z.ZodType<readonly T[]>, path: string, token: string): Promise<readonly T[]> {
    const all: T[] = [];
    for (let page = 1; page <= MAX_PAGES; page += 1) {
      const some = await this.#ask(schema, `${path}?per_page=${PER_PAGE}&page=${page}`, token);
      all.push(...some);
      if (some.length < PER_PAGE) return all;
    }
    throw loginFailed(`lists more than ${MAX_PAGES * PER_PAGE} at ${path}`);
  }
}

async function json(answer: Response): Promise<unknown> {
  try {
    return await answer.json();
  } catch (cause) {
    throw new StoreError('unavailable', 'The provider answers no JSON; try again.', { cause });
  }
}
