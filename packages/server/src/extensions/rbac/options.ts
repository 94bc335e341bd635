/** zot's words: `create` pushes what is new, `update` moves a tag that exists. */
export type RepositoryAction = 'read' | 'create' | 'update' | 'delete';

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
  readonly anonymous: readonly RepositoryAction[];
  /** What every user of the htpasswd file may do. */
  readonly users: readonly RepositoryAction[];
}
