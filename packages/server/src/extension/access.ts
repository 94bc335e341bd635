/** Who is asking. */
export type Principal = { readonly kind: 'anonymous' } | UserPrincipal;

/** Somebody with a name: a person, a program, or the root user. */
export interface UserPrincipal {
  readonly kind: 'user';
  /** Unique among all users of the store, however they are proved; what owners, policies and the audit log say. */
  readonly name: string;
  readonly groups: readonly string[];
  /** What an issuer calls roles: those of this store's client first, others as the configuration says. */
  readonly roles?: readonly string[];
  /** How the identity was proved: `root`, `htpasswd`, `ldap`, `oidc`, `api-key`, `access-key`, ... */
  readonly via: string;
  /** Who vouches for the user, where `via` is a credential that was handed out here: `htpasswd`, `local`, ... */
  readonly source?: string;
  readonly isRoot: boolean;
  /** Which of the user's access keys signed the request, where one did. */
  readonly accessKeyId?: string;
  /** The lasting access key that a temporary one comes from; what is said of it counts for that one, too. */
  readonly parentAccessKeyId?: string;
  /** The identity behind the name, where an issuer outside vouches for it. */
  readonly subject?: { readonly issuer: string; readonly id: string };
  /** What the issuer's token says, for conditions. */
  readonly claims?: Readonly<Record<string, unknown>>;
  /** The credential that was shown, for the audit log and for revocation. The id is no secret. */
  readonly credential?: { readonly kind: string; readonly id: string };
  /**
   * A role that somebody took on instead of their own rights: only what is given to that role counts, and nothing that
   * comes from the name (ownership too), from groups or from other roles.
   */
  readonly assumedRole?: string;
  /** What the credential narrows: only what the user may do and every one of these allows is allowed. */
  readonly limits?: readonly AccessLimit[];
}

/** A policy document (IAM JSON, without principals) that must allow what is asked, besides all others. */
export interface AccessLimit {
  /** What it belongs to, for explanations: `session policy`, `scopes of API key 7f3a`. */
  readonly name: string;
  readonly document: string;
}

export type OciAction = 'oci:Pull' | 'oci:Push' | 'oci:Delete' | 'oci:Tag' | 'oci:ListRepositories';
/** `s3:*`, `admin:*`, `trust:*` and a third party's own come from extensions. */
export type Action = OciAction | `${string}:${string}`;

export interface Permission {
  readonly action: Action;
  /** `repository:<name>`, `repository:*` for lists, `bucket:<name>/<key>`, `server`. */
  readonly resource: string;
  /** What conditions may look at: tag, digest, reference. */
  readonly attributes?: Readonly<Record<string, string>>;
}
