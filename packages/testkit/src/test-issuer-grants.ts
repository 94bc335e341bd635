import { createHash, randomUUID } from 'node:crypto';
import type { IssuerAnswer, IssuerCall, TestIssuer, TestUser } from './test-issuer.ts';

interface Code {
  readonly user: TestUser;
  readonly clientId: string;
  readonly redirectUri: string;
  readonly challenge: string;
  readonly nonce: string | undefined;
  readonly sessionId: string;
}

interface Device {
  readonly clientId: string;
  user: TestUser | undefined;
}

/** The OAuth 2.0 flows of the test issuer. Whoever is `loggedIn` is taken to agree to everything at once. */
export class Grants {
  /** Who sits before the browser; undefined: nobody, and logins fail. */
  loggedIn: TestUser | undefined;
  /** Seconds access tokens live. */
  lifetimeSeconds = 300;
  readonly revoked: string[] = [];
  readonly #issuer: TestIssuer;
  readonly #codes = new Map<string, Code>();
  readonly #devices = new Map<string, Device>();
  readonly #refreshTokens = new Map<string, { readonly user: TestUser; readonly clientId: string }>();

  constructor(issuer: TestIssuer) {
    this.#issuer = issuer;
  }

  async handle(path: string, call: IssuerCall): Promise<IssuerAnswer> {
    switch (path) {
      case '/auth':
        return this.#authorize(call.url);
      case '/token':
        return this.#token(call);
      case '/device':
        return this.#startDevice(call.form);
      case '/device/approve':
        return this.#approve();
      case '/userinfo':
        return { status: 200, body: userClaims(this.loggedIn) };
      case '/revoke':
        this.revoked.push(call.form.get('token') ?? '');
        return { status: 200, body: {} };
      case '/logout':
        return { location: call.url.searchParams.get('post_logout_redirect_uri') ?? '/' };
      default:
        return { status: 404, body: { error: 'not_found' } };
    }
  }

  /** A logout token as an issuer sends it (OpenID Connect Back-Channel Logout 1.0 section 2.4). */
  logoutToken(clientId: string, claims: Readonly<Record<string, unknown>>): Promise<string> {
    const now = Math.floor(Date.now() / 1000);
    return this.#issuer.sign(
      {
        iss: this.#issuer.url,
        aud: clientId,
        iat: now,
        exp: now + 120,
        jti: randomUUID(),
        typ: 'Logout',
        events: { 'http://schemas.openid.net/event/backchannel-logout': {} },
        ...claims,
      },
      { typ: 'logout+jwt' },
    );
  }

  #authorize(url: URL): IssuerAnswer {
    const asked = url.searchParams;
    const redirectUri = asked.get('redirect_uri') ?? '';
    const back = new URL(redirectUri);
    back.searchParams.set('state', asked.get('state') ?? '');
    back.searchParams.set('iss', this.#issuer.url);
    if (this.loggedIn === undefined) {
      back.searchParams.set('error', 'access_denied');
      return { location: back.href };
    }
    const code = randomUUID();
    this.#codes.set(code, {
      user: this.loggedIn,
      clientId: asked.get('client_id') ?? '',
      redirectUri,
      challenge: asked.get('code_challenge') ?? '',
      nonce: asked.get('nonce') ?? undefined,
      sessionId: randomUUID(),
    });
    back.searchParams.set('code', code);
    return { location: back.href };
  }

  async #token(call: IssuerCall): Promise<IssuerAnswer> {
    const clientId = this.#client(call);
    if (clientId === undefined) return refuse('invalid_client');
    const { form } = call;
    switch (form.get('grant_type')) {
      case 'authorization_code':
        return this.#redeem(clientId, form);
      case 'refresh_token': {
        const known = this.#refreshTokens.get(form.get('refresh_token') ?? '');
        return known?.clientId === clientId ? this.#grant(known.user, clientId) : refuse('invalid_grant');
      }
      case 'urn:ietf:params:oauth:grant-type:device_code': {
        const device = this.#devices.get(form.get('device_code') ?? '');
        if (device?.clientId !== clientId) return refuse('invalid_grant');
        return device.user === undefined
          ? refuse('authorization_pending')
          : this.#grant(device.user, clientId);
      }
      default:
        return refuse('unsupported_grant_type');
    }
  }

  #client({ form, authorization }: IssuerCall): string | undefined {
    const [, basic = ''] = /^Basic (.+)$/.exec(authorization ?? '') ?? [];
    const [basicId = '', basicSecret] = Buffer.from(basic, 'base64')
      .toString()
      .split(':')
      .map(decodeURIComponent);
    const client = this.#issuer.clients.get(form.get('client_id') ?? basicId);
    if (client === undefined) return undefined;
    const secret = form.get('client_secret') ?? basicSecret;
    return client.secret === undefined || client.secret === secret ? client.id : undefined;
  }

  #redeem(clientId: string, form: URLSearchParams): Promise<IssuerAnswer> | IssuerAnswer {
    const id = form.get('code') ?? '';
    const code = this.#codes.get(id);
    this.#codes.delete(id);
    const verifier = form.get('code_verifier') ?? '';
    const isSame = createHash('sha256').update(verifier).digest('base64url') === code?.challenge;
    if (code?.clientId !== clientId || code.redirectUri !== form.get('redirect_uri') || !isSame) {
      return refuse('invalid_grant');
    }
    return this.#grant(code.user, clientId, code);
  }

  async #grant(user: TestUser, clientId: string, code?: Code): Promise<IssuerAnswer> {
    const now = Math.floor(Date.now() / 1000);
    const refreshToken = randomUUID();
    this.#refreshTokens.set(refreshToken, { user, clientId });
    const session = code && { sid: code.sessionId };
    const accessToken = await this.#issuer.accessToken(user, {
      azp: clientId,
      exp: now + this.lifetimeSeconds,
      ...session,
    });
    const idToken = await this.#issuer.sign({
      ...this.#issuer.claimsOf(
        { subject: user.subject, name: user.name },
        { typ: 'ID', aud: clientId, ...session },
      ),
      ...(code?.nonce && { nonce: code.nonce }),
    });
    return {
      status: 200,
      body: {
        access_token: accessToken,
        id_token: idToken,
        refresh_token: refreshToken,
        token_type: 'Bearer',
        expires_in: this.lifetimeSeconds,
      },
    };
  }

  #startDevice(form: URLSearchParams): IssuerAnswer {
    const clientId = form.get('client_id') ?? '';
    if (!this.#issuer.clients.has(clientId)) return refuse('invalid_client');
    const code = randomUUID();
    this.#devices.set(code, { clientId, user: undefined });
    return {
      status: 200,
      body: {
        device_code: code,
        user_code: 'ABCD-EFGH',
        verification_uri: `${this.#issuer.url}/device`,
        verification_uri_complete: `${this.#issuer.url}/device/approve`,
        expires_in: 600,
        interval: 1,
      },
    };
  }

  #approve(): IssuerAnswer {
    for (const device of this.#devices.values()) device.user = this.loggedIn;
    return { status: 200, body: {} };
  }
}

function userClaims(user: TestUser | undefined): Readonly<Record<string, unknown>> {
  return {
    sub: user?.subject,
    preferred_username: user?.name,
    email: `${user?.name}@example.com`,
    groups: user?.groups,
  };
}

function refuse(error: string): IssuerAnswer {
  return { status: error === 'invalid_client' ? 401 : 400, body: { error } };
}
