import type { LdapOptions } from './identity/ldap/ldap-options.ts';
import type { CertificateOptions } from './identity/mtls/certificate-identity.ts';
import type { BearerOidcOptions, OpenidOptions } from './identity/oidc/zot-providers.ts';
import type { TokenServerOptions } from './identity/tokens/token-server.ts';

/** zot's words: `create` pushes what is new, `update` moves a tag that exists. */
export type RepositoryAction = 'read' | 'create' | 'update' | 'delete';

/** zot's `http.accessControl`, every list filled in. */
export interface AccessControl {
  /** By pattern of repository names. */
  readonly repositories: Readonly<Record<string, RepositoryAccess>>;
  readonly adminPolicy?: AccessPolicy;
  /** The users of each group. */
  readonly groups: Readonly<Record<string, readonly string[]>>;
}

export interface RepositoryAccess {
  readonly policies: readonly AccessPolicy[];
  readonly defaultPolicy: readonly RepositoryAction[];
  readonly anonymousPolicy: readonly RepositoryAction[];
}

export interface AccessPolicy {
  readonly users: readonly string[];
  readonly groups: readonly string[];
  readonly actions: readonly RepositoryAction[];
  /** In CEL; all must hold. */
  readonly conditions: readonly { readonly expression: string; readonly message: string }[];
}

/** What the server's configuration says about access; `access` of the effective configuration is one of these. */
export interface RbacOptions {
  readonly realm: string;
  readonly rootUser: string;
  /** When undefined, the password is read from `rootPasswordPath`, and made once when that is not there. */
  readonly rootPassword?: string;
  readonly rootPasswordPath: string;
  readonly htpasswdPath?: string;
  /** How long a refusal for wrong credentials is held back. */
  readonly failDelayMs: number;
  /** Whether `/zot/auth/apikey` is served, as zot's clients know it. */
  readonly zotApiKeys?: boolean;
  readonly ldap?: LdapOptions;
  /** A token server of registries whose tokens count here. */
  readonly tokenServer?: TokenServerOptions;
  /** Asked for tokens by `/zot/auth/token` for whom this server does not know. */
  readonly upstreamTokenEndpoint?: { readonly realm: string; readonly service: string };
  /** How a client certificate names its user; missing where none are verified. */
  readonly clientCertificates?: CertificateOptions;
  readonly bearerOidc?: readonly BearerOidcOptions[];
  readonly openid?: readonly OpenidOptions[];
  /** The origin browsers reach the server at. */
  readonly publicOrigin?: string;
  /** The same by the address the server listens on, when nothing better is known. */
  readonly listenOrigin?: string;
  /** Origins a browser may be sent back to after its login. */
  readonly callbackOrigins?: readonly string[];
  /** Whether cookies of logins are for https alone. */
  readonly secureCookies?: boolean;
  readonly accessControl?: AccessControl;
  /**
   * Without `accessControl`: who may do everything in every repository, as in zot. `anonymous`, or how they proved who
   * they are: `htpasswd`.
   */
  readonly unrestricted: readonly string[];
}
