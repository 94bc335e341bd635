import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type CryptoKey, exportJWK, generateKeyPair, type JWK, SignJWT } from 'jose';
import { Grants } from './test-issuer-grants.ts';

/** Somebody the issuer vouches for. */
export interface TestUser {
  readonly subject: string;
  readonly name: string;
  readonly password?: string;
  readonly groups?: readonly string[];
  /** Roles of the audience's client. */
  readonly roles?: readonly string[];
}

export interface TestClient {
  readonly id: string;
  /** Undefined: a public client. */
  readonly secret?: string;
}

interface SigningKey {
  readonly id: string;
  readonly algorithm: string;
  readonly privateKey: CryptoKey;
  readonly jwk: JWK;
}

type Claims = Readonly<Record<string, unknown>>;

const AUDIENCE = 'artstore';

/** An issuer of OpenID Connect on the loopback address that really signs, with the flows of an authorization server. */
export class TestIssuer {
  readonly users = new Map<string, TestUser>();
  readonly clients = new Map<string, TestClient>();
  /** Path of each request so far. */
  readonly requests: string[] = [];
  /** Further keys in the JWKS, as they are. */
  readonly extraKeys: JWK[] = [];
  /** Claims laid over those of every token. */
  extraClaims: Claims = {};
  /** Takes requests and never answers them. */
  isHanging = false;
  #keys: SigningKey[] = [];
  #server: Server | undefined;
  #port = 0;
  readonly grants = new Grants(this);

  static async start(): Promise<TestIssuer> {
    const issuer = new TestIssuer();
    await issuer.rotate();
    await issuer.listen();
    return issuer;
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}/realms/test`;
  }

  get keyId(): string {
    return this.#current().id;
  }

  /** Serves on the port of before, if there was one. */
  async listen(): Promise<void> {
    const server = createServer((request, response) => {
      this.#answer(request, response).catch((error: unknown) => {
        response.writeHead(500).end(String(error));
      });
    });
    server.listen(this.#port, '127.0.0.1');
    await once(server, 'listening');
    this.#port = (server.address() as AddressInfo).port; // listening on TCP
    this.#server = server;
  }

  /** Nobody answers any more; `listen` brings it back. */
  async goDown(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    if (server === undefined) return;
    server.closeAllConnections();
    server.close();
    await once(server, 'close');
  }

  /** A new key signs from now on; the old ones are published on, or forgotten. */
  async rotate(options: { readonly algorithm?: string; readonly forgetOld?: boolean } = {}): Promise<void> {
    const { algorithm = 'RS256', forgetOld = false } = options;
    const { publicKey, privateKey } = await generateKeyPair(algorithm, { extractable: true });
    const id = randomUUID();
    const jwk = { ...(await exportJWK(publicKey)), kid: id, alg: algorithm, use: 'sig' };
    this.#keys = [{ id, algorithm, privateKey, jwk }, ...(forgetOld ? [] : this.#keys)];
  }

  /** An access token as Keycloak makes them; what is undefined in `claims` is left out. */
  async accessToken(user: TestUser, claims: Claims = {}): Promise<string> {
    return this.sign(
      this.claimsOf(user, { typ: 'Bearer', azp: 'some-app', aud: [AUDIENCE, 'account'], ...claims }),
    );
  }

  claimsOf(user: TestUser, claims: Claims): Claims {
    const now = Math.floor(Date.now() / 1000);
    return {
      iss: this.url,
      sub: user.subject,
      iat: now,
      exp: now + 300,
      jti: randomUUID(),
      preferred_username: user.name,
      ...(user.groups && { groups: user.groups }),
      ...(user.roles && { resource_access: { [AUDIENCE]: { roles: user.roles } } }),
      ...this.extraClaims,
      ...claims,
    };
  }

  /** Signed with the current key, whatever the claims and the header say. */
  async sign(claims: Claims, header: Claims = {}): Promise<string> {
    const { id, algorithm, privateKey } = this.#current();
    const given = Object.fromEntries(Object.entries(claims).filter(([, value]) => value !== undefined));
    return new SignJWT(given)
      .setProtectedHeader({ alg: algorithm, kid: id, typ: 'JWT', ...header })
      .sign(privateKey);
  }

  /** For forgeries. */
  publicJwk(): JWK {
    return this.#current().jwk;
  }

  #current(): SigningKey {
    const [current] = this.#keys;
    if (current === undefined) throw new Error('the issuer has no key');
    return current;
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', this.url);
    const path = url.pathname.replace('/realms/test', '');
    this.requests.push(path);
    if (this.isHanging) return;
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const form = new URLSearchParams(Buffer.concat(chunks).toString());
    const answer = await this.#handle(path, { url, form, authorization: request.headers.authorization });
    if ('location' in answer) response.writeHead(302, { location: answer.location }).end();
    else {
      response
        .writeHead(answer.status, { 'content-type': 'application/json' })
        .end(JSON.stringify(answer.body));
    }
  }

  async #handle(path: string, call: IssuerCall): Promise<IssuerAnswer> {
    if (path === '/.well-known/openid-configuration') return { status: 200, body: this.#discovery() };
    if (path === '/certs') {
      const keys = [...this.#keys.map(({ jwk }) => jwk), ...this.extraKeys];
      return { status: 200, body: { keys } };
    }
    return this.grants.handle(path, call);
  }

  #discovery(): Claims {
    return {
      issuer: this.url,
      jwks_uri: `${this.url}/certs`,
      authorization_endpoint: `${this.url}/auth`,
      token_endpoint: `${this.url}/token`,
      device_authorization_endpoint: `${this.url}/device`,
      userinfo_endpoint: `${this.url}/userinfo`,
      end_session_endpoint: `${this.url}/logout`,
      revocation_endpoint: `${this.url}/revoke`,
      response_types_supported: ['code'],
      subject_types_supported: ['public'],
      id_token_signing_alg_values_supported: ['RS256', 'ES256'],
      code_challenge_methods_supported: ['S256'],
    };
  }
}

export interface IssuerCall {
  readonly url: URL;
  readonly form: URLSearchParams;
  readonly authorization: string | undefined;
}

export type IssuerAnswer =
  | { readonly status: number; readonly body: unknown }
  | { readonly location: string };
