/** How an issuer of tokens is reached and what its keys may do. */
export interface IssuerOptions {
  /** Exactly as it stands in the tokens' `iss`. */
  readonly issuer: string;
  /** Where its keys are; found by discovery when undefined. */
  readonly jwksUri?: string;
  /** Reached here instead of at the issuer's own origin, which only browsers see. */
  readonly internalUrl?: string;
  /** A PEM file of the authorities that vouch for it, instead of the system's. */
  readonly caFile?: string;
  /** The same, in the configuration itself. */
  readonly caPem?: string;
  readonly algorithms: readonly string[];
  /** How long its keys are used while it cannot be asked for them. */
  readonly maxStaleMs: number;
  /** zot's `skipIssuerVerification`: the discovery document may name another issuer. */
  readonly anyIssuerName?: boolean;
  /** It signs nothing: no keys are asked for. */
  readonly hasNoKeys?: true;
}

/** Which tokens are accepted as credentials. */
export interface TokenRules {
  /** One of them must be in `aud`. */
  readonly audiences: readonly string[];
  /** `azp` must be one of them; empty: any. */
  readonly authorizedParties: readonly string[];
  /** `access`: a payload type, where there is one, is `Bearer`. `any`: ID tokens too, as in zot. */
  readonly kinds: 'access' | 'any';
  /** The longest that may lie between `iat` and `exp`; undefined: no bound. */
  readonly maxLifetimeMs?: number;
}

/** What claims say about the user. */
export interface ClaimRules {
  readonly kind: 'claims';
  readonly username: string;
  /** Taken when the username's claim is missing. */
  readonly fallbackUsername?: string;
  readonly groups: string;
  /** Roles of these clients are taken from `resource_access`. */
  readonly roleClients: readonly string[];
  /** Whether `realm_access.roles` are taken too. */
  readonly realmRoles: boolean;
}

/** zot's claim mapping by CEL expressions over `claims` and `vars`. */
export interface ExpressionRules {
  readonly kind: 'expressions';
  readonly variables: readonly { readonly name: string; readonly expression: string }[];
  readonly validations: readonly { readonly expression: string; readonly message: string }[];
  readonly username: string;
  readonly groups?: string;
}

export type IdentityRules = ClaimRules | ExpressionRules;

/** The client that browsers log in with. */
export interface BrowserClient {
  readonly clientId: string;
  /** Undefined: a public client, PKCE alone. */
  readonly clientSecret?: string;
  readonly clientSecretFile?: string;
  readonly scopes: readonly string[];
  /** Whether the user's claims are asked for besides those of the ID token, as zot does. */
  readonly usesUserInfo: boolean;
}

/** The public client that `zas login` uses. */
export interface CliClient {
  readonly clientId: string;
  readonly scopes: readonly string[];
}

/** Of GitHub, or of a GitHub of one's own. */
export interface GithubEndpoints {
  readonly authorizeUrl: string;
  readonly tokenUrl: string;
  readonly apiUrl: string;
}

/** Somebody outside who vouches for users. */
export interface Provider {
  /** Unique; in paths, so letters, digits and dashes. */
  readonly name: string;
  /** What its users' principals say of how they proved who they are: `oidc`; of zot's sections `workload` and `openid`. */
  readonly via: string;
  /** For people. */
  readonly title: string;
  readonly issuer: IssuerOptions;
  /** Undefined: its tokens are no credentials here. */
  readonly tokens?: TokenRules;
  readonly identity: IdentityRules;
  readonly browser?: BrowserClient;
  readonly cli?: CliClient;
  /** Not an issuer of OpenID Connect at all, but GitHub. */
  readonly github?: GithubEndpoints;
}

/** Asymmetric ones only: a secret shared with an issuer would make every holder of it an issuer. */
export const ALGORITHMS = [
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'ES256',
  'ES384',
  'ES512',
  'EdDSA',
] as const;
