import { StoreError } from '@zot-artifact-store/spec';
import type { Vetoes } from './contract.ts';

type Hook = keyof Vetoes;

/**
 * The vetoes of all extensions as one, asked in the order of setup; the first that throws decides. The domain gets the
 * chain before any extension is set up (extensions need the domain), so until it is sealed it refuses everything: what
 * is written then would have passed no veto.
 */
export class VetoChain implements Required<Vetoes> {
  #links: readonly Vetoes[] | undefined;

  seal(links: readonly Vetoes[]): void {
    this.#links = [...links];
  }

  beforeIngest(about: Parameters<NonNullable<Vetoes['beforeIngest']>>[0]): Promise<void> {
    return this.#ask('beforeIngest', (link) => link.beforeIngest?.(about));
  }

  beforeManifestPut(about: Parameters<NonNullable<Vetoes['beforeManifestPut']>>[0]): Promise<void> {
    return this.#ask('beforeManifestPut', (link) => link.beforeManifestPut?.(about));
  }

  beforeServe(about: Parameters<NonNullable<Vetoes['beforeServe']>>[0]): Promise<void> {
    return this.#ask('beforeServe', (link) => link.beforeServe?.(about));
  }

  beforeDelete(about: Parameters<NonNullable<Vetoes['beforeDelete']>>[0]): Promise<void> {
    return this.#ask('beforeDelete', (link) => link.beforeDelete?.(about));
  }

  async #ask(hook: Hook, ask: (link: Vetoes) => Promise<void> | undefined): Promise<void> {
    if (this.#links === undefined) {
      throw new StoreError('unavailable', `the server is starting; ${hook} cannot be asked yet`, {
        retryAfterSeconds: 1,
      });
    }
    for (const link of this.#links) await ask(link);
  }
}
