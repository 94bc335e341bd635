import type { Identities } from '../../../extension/contract.ts';
import type { SignatureDeps } from '../auth/verified.ts';
import type { Sessions } from './sessions.ts';

export interface StsDeps {
  readonly signatures: SignatureDeps;
  readonly identities: Identities;
  readonly sessions: Sessions;
  readonly root: { readonly user: string };
  readonly clock: { now(): number };
}
