/** Who is asking. */
export type Principal =
  | { readonly kind: 'anonymous' }
  | {
      readonly kind: 'user';
      readonly name: string;
      readonly groups: readonly string[];
      /** How the identity was proved: `root`, `htpasswd`, later `oidc`, `access-key`, ... */
      readonly via: string;
      readonly isRoot: boolean;
      /** Which of the user's access keys signed the request, where one did. */
      readonly accessKeyId?: string;
    };

export type OciAction = 'oci:Pull' | 'oci:Push' | 'oci:Delete' | 'oci:Tag' | 'oci:ListRepositories';
export type AdminAction = 'admin:Read' | 'admin:Write';
/** `s3:*`, `trust:*` and a third party's own come from extensions. */
export type Action = OciAction | AdminAction | `${string}:${string}`;

export interface Permission {
  readonly action: Action;
  /** `repository:<name>`, `repository:*` for lists, `bucket:<name>/<key>`, `server`. */
  readonly resource: string;
  /** What conditions may look at: tag, digest, reference. */
  readonly attributes?: Readonly<Record<string, string>>;
}
