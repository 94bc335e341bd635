import type { LogConfig } from '../log/logger.ts';

/**
 * The effective configuration: what the file, the environment and the command line say together, with defaults filled
 * in, paths absolute and units resolved. A deeply frozen plain object that survives JSON, so that it can be handed to
 * a worker process. It holds the root password when the environment gave one, and secrets of
 * clients at issuers: never log it whole.
 */
export interface Config {
  readonly http: HttpConfig;
  readonly storage: StorageConfig;
  readonly access: AccessConfig;
  readonly log: LogConfig;
  /** Third parties' extensions. */
  readonly extensions: readonly ExtensionSection[];
  /** The sections of the extensions that come with the server, by name, with their defaults; those not enabled too. */
  readonly sections: Readonly<Record<string, BuiltInSection>>;
  /** Absolute: the folder of the config file, from which the modules of extensions are looked up. */
  readonly baseDirectory: string;
  /** How many worker processes serve requests; at least 1. */
  readonly workers: number;
}

export interface HttpConfig {
  /** Host name or address to listen on. */
  readonly address: string;
  /** 0 lets the system choose. */
  readonly port: number;
  /** Origins for CORS; `*` for every origin; empty for none. */
  readonly allowOrigins: readonly string[];
  /** A request body that brings no byte for so long is given up; 0 waits for ever. */
  readonly readIdleTimeoutMs: number;
  /** A response of which the client takes no byte for so long is given up; 0 waits for ever. */
  readonly writeIdleTimeoutMs: number;
  readonly tls?: TlsConfig;
  /** Whether Docker schema 2 manifests are accepted. */
  readonly dockerCompat: boolean;
  readonly maxManifestBytes: number;
  readonly rateLimit?: RateLimitConfig;
}

/** Requests a second that the whole server takes. */
export interface RateLimitConfig {
  /** Of every method together. */
  readonly perSecond?: number;
  readonly methods: readonly { readonly method: string; readonly perSecond: number }[];
}

export interface TlsConfig {
  readonly certPath: string;
  readonly keyPath: string;
  /** Authorities of client certificates; present exactly when `clientCertificates` is not `none`. */
  readonly caPath?: string;
  /** `if-given`: a certificate that is shown must verify. `required`: there is no connection without one. */
  readonly clientCertificates: 'none' | 'if-given' | 'required';
}

export interface StorageConfig {
  /** The main volume (path '') first, then one per sub-path in order of path. */
  readonly volumes: readonly [VolumeConfig, ...VolumeConfig[]];
  /** Writes are refused while the disk has less than this free. */
  readonly reserveBytes: number;
  /** Whether collection also removes manifests that no tag, index or subject holds. */
  readonly gcUntagged: boolean;
  readonly metadataDriver: 'lmdb' | 'memory';
  readonly blobDriver: 'filesystem' | 'memory';
  /** Absolute; undefined lets the server make a secret key and keep it in the main data folder. */
  readonly secretKeyPath?: string;
}

export interface VolumeConfig {
  /** '' for the main volume, else the first part of repository names with a leading slash: `/a` holds `a/b/c`. */
  readonly path: string;
  /** Absolute. */
  readonly rootDirectory: string;
  readonly gc: GcConfig;
}

export interface GcConfig {
  /** Whether the server collects by itself; `zas gc` works either way. */
  readonly enabled: boolean;
  /** How long content that nothing refers to is kept. */
  readonly delayMs: number;
  /** 0 collects once, at start. */
  readonly intervalMs: number;
}

/** zot's words: `create` pushes what is new, `update` moves a tag that exists. */
export type RepositoryAction = 'read' | 'create' | 'update' | 'delete';

export interface AccessConfig {
  /** In the `WWW-Authenticate` challenge. */
  readonly realm: string;
  readonly rootUser: string;
  /** From the environment; undefined lets the server make one and keep it in `rootPasswordPath`. */
  readonly rootPassword?: string;
  /** Absolute; in the data folder. */
  readonly rootPasswordPath: string;
  /** Absolute. */
  readonly htpasswdPath?: string;
  /** How long a refusal for wrong credentials is held back. */
  readonly failDelayMs: number;
  /** Whether `/zot/auth/apikey` is served. */
  readonly zotApiKeys: boolean;
  /** The origin browsers reach the server at, without a slash at the end. */
  readonly publicOrigin?: string;
  /** The same by the address the server listens on, when nothing better is known. */
  readonly listenOrigin: string;
  /** zot's `http.auth.bearer.oidc`: issuers whose tokens are credentials. */
  readonly bearerOidc: readonly BearerOidcConfig[];
  /** zot's `http.auth.openid.providers`: issuers browsers log in at. */
  readonly openid: readonly OpenidConfig[];
  /** Origins a browser may be sent back to after its login. */
  readonly callbackOrigins: readonly string[];
  /** Whether cookies of logins are for https alone. */
  readonly secureCookies: boolean;
  readonly ldap?: LdapConfig;
  /** zot's `http.auth.bearer`: a token server of registries whose tokens count here. */
  readonly tokenServer?: TokenServerConfig;
  /** Asked for tokens by `/zot/auth/token` for whom this server does not know. */
  readonly upstreamTokenEndpoint?: { readonly realm: string; readonly service: string };
  /** How a client certificate names its user; missing where none are verified. */
  readonly clientCertificates?: ClientCertificateConfig;
  /** `http.accessControl`, every list filled in. */
  readonly accessControl?: AccessControlConfig;
  /**
   * Without `accessControl`: who may do everything in every repository, as in zot. `anonymous`, or how they proved who
   * they are: `htpasswd`.
   */
  readonly unrestricted: readonly string[];
}

export interface LdapConfig {
  readonly host: string;
  readonly port: number;
  readonly transport: 'ldaps' | 'starttls' | 'plain';
  readonly skipVerify: boolean;
  /** Absolute. */
  readonly caPath?: string;
  readonly baseDn: string;
  readonly userAttribute: string;
  readonly groupAttribute?: string;
  readonly userFilter?: string;
  readonly isSubtree: boolean;
  /** Absolute. */
  readonly credentialsPath?: string;
}

export interface TokenServerConfig {
  readonly realm: string;
  readonly service: string;
  /** Absolute. */
  readonly certPath: string;
}

export interface ClientCertificateConfig {
  /** Lower-case. */
  readonly identityAttributes: readonly string[];
  readonly uriPattern?: string;
  readonly uriIndex: number;
  readonly dnsIndex: number;
  readonly emailIndex: number;
}

export interface AccessControlConfig {
  /** By pattern of repository names. */
  readonly repositories: Readonly<Record<string, RepositoryAccessConfig>>;
  readonly adminPolicy?: AccessPolicyConfig;
  /** The users of each group. */
  readonly groups: Readonly<Record<string, readonly string[]>>;
}

export interface RepositoryAccessConfig {
  readonly policies: readonly AccessPolicyConfig[];
  readonly defaultPolicy: readonly RepositoryAction[];
  readonly anonymousPolicy: readonly RepositoryAction[];
}

export interface AccessPolicyConfig {
  readonly users: readonly string[];
  readonly groups: readonly string[];
  readonly actions: readonly RepositoryAction[];
  readonly conditions: readonly { readonly expression: string; readonly message: string }[];
}

export interface BearerOidcConfig {
  readonly issuer: string;
  readonly audiences: readonly string[];
  /** PEM. */
  readonly certificateAuthority?: string;
  /** Absolute. */
  readonly certificateAuthorityFile?: string;
  readonly skipIssuerVerification: boolean;
  /** CEL expressions. */
  readonly claimMapping: {
    readonly variables: readonly { readonly name: string; readonly expression: string }[];
    readonly validations: readonly { readonly expression: string; readonly message: string }[];
    readonly username?: string;
    readonly groups?: string;
  };
}

export interface OpenidConfig {
  /** `oidc`, `google`, `gitlab` or `github`. */
  readonly name: string;
  readonly title?: string;
  readonly issuer: string;
  readonly clientId: string;
  readonly clientSecret?: string;
  readonly scopes: readonly string[];
  readonly usernameClaim?: string;
  readonly groupsClaim?: string;
  /** Of a GitHub of one's own; both or none. */
  readonly authUrl?: string;
  readonly tokenUrl?: string;
}

export interface ExtensionSection {
  /** The section's key under `extensions`. */
  readonly name: string;
  /** What to import: a package name, or a path when it starts with `.` or `/`; looked up from `baseDirectory`. */
  readonly module: string;
  /** The section without `enable` and `module`, keys as written; the extension's own schema parses it. */
  readonly options: Readonly<Record<string, unknown>>;
}

/** As its own schema gives it; see sections.ts. */
export type BuiltInSection = Readonly<Record<string, unknown>>;
