/** zot's `http.auth.ldap`, with defaults filled in. */
export interface LdapOptions {
  readonly host: string;
  readonly port: number;
  /** `starttls` begins in the clear and is encrypted before anything is said. */
  readonly transport: 'ldaps' | 'starttls' | 'plain';
  /** Whether any certificate of the server is good enough. */
  readonly skipVerify: boolean;
  /** A PEM file of the authorities of the server's certificate; else those of the system. */
  readonly caPath?: string;
  readonly baseDn: string;
  readonly userAttribute: string;
  readonly groupAttribute?: string;
  /** A filter that users must match, besides. */
  readonly userFilter?: string;
  /** Whether users are looked for below the base's children, too. */
  readonly isSubtree: boolean;
  /** A JSON file with `bindDN` and `bindPassword`; without it the search is anonymous. */
  readonly credentialsPath?: string;
}
