import { StoreError } from '@zot-artifact-store/spec';
import type { UserPrincipal } from '../../../../extension/access.ts';
import { extensionKey } from '../../../../extension/keyspace.ts';
import type { MetadataStore } from '../../../../metadata/metadata-store.ts';
import { transact } from '../../../../metadata/transaction.ts';
import { NOTHING } from './user-record.ts';

/** There while root is disabled. */
const DISABLED = extensionKey('rbac', 'root-disabled');

/** Whether the root user may log in. What the config file says of it comes first. */
export class RootAccess {
  readonly #metadata: MetadataStore;
  readonly #configured: boolean | undefined;

  constructor(metadata: MetadataStore, configured: boolean | undefined) {
    this.#metadata = metadata;
    this.#configured = configured;
  }

  async isEnabled(): Promise<boolean> {
    return this.#configured ?? (await this.#metadata.get(DISABLED)) === undefined;
  }

  /**
   * Durable when the promise resolves. Whoever disables root is somebody else with a full right to, so that there is
   * another administrator; root itself cannot. Throws `denied` where the config file decides.
   */
  async set(isEnabled: boolean, by: UserPrincipal): Promise<void> {
    if (this.#configured !== undefined) {
      throw new StoreError('denied', 'extensions.rbac.root in the config file says whether root may log in');
    }
    if (!isEnabled && (by.isRoot || (by.limits ?? []).length > 0)) {
      throw new StoreError(
        'denied',
        'another administrator disables the root user, with a login of their own: so it is sure that there is one',
      );
    }
    await transact(this.#metadata, async (transaction) => {
      const row = await this.#metadata.get(DISABLED);
      if ((row === undefined) === isEnabled) return;
      transaction.mayUseReserve = true;
      if (isEnabled) transaction.delete(DISABLED);
      else transaction.put(DISABLED, NOTHING);
    });
  }
}
