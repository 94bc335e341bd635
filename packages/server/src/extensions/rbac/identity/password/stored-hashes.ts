import type { KnownUser } from '../users/user-directory.ts';
import type { HtpasswdFile } from './htpasswd-file.ts';

/** bcrypt of cost 12, as passwords set here have, of something nobody knows. */
const DECOY = '$2b$12$C6UzMDM.H6dfI/f/IKcEeO4r8kE5eqGcQeZQJzyUuCz6jtRVyMZFO';

export interface StoredHash {
  readonly hash: string;
  readonly source: 'local' | 'htpasswd';
}

export interface StoredHashesDeps {
  readonly htpasswd: HtpasswdFile | undefined;
  readonly directory: { find(name: string): Promise<KnownUser | undefined> };
  /** Whether any user of the directory has a password. */
  hasLocalPasswords(): Promise<boolean>;
}

/** The password hashes this server can check by itself: those of local users, then those of the htpasswd file. */
export class StoredHashes {
  readonly #deps: StoredHashesDeps;

  constructor(deps: StoredHashesDeps) {
    this.#deps = deps;
  }

  async find(user: string): Promise<StoredHash | undefined> {
    const { htpasswd, directory } = this.#deps;
    const known = await directory.find(user);
    if (known?.source === 'local' && known.passwordHash !== undefined) {
      return known.isDisabled ? undefined : { hash: known.passwordHash, source: 'local' };
    }
    const hash = (await htpasswd?.current())?.hashes.get(user);
    return hash === undefined ? undefined : { hash, source: 'htpasswd' };
  }

  /** What the check of a name nobody has must cost; undefined where there is no name to find out. */
  async costliest(): Promise<string | undefined> {
    if (await this.#deps.hasLocalPasswords()) return DECOY;
    return (await this.#deps.htpasswd?.current())?.costliest;
  }
}
