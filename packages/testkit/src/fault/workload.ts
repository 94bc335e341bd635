import type { Client } from './client.ts';
import type { Random } from './random.ts';

/** What an actor has for one operation. */
export interface Turn {
  readonly client: Client;
  readonly random: Random;
}

/** Somebody who uses the server. Many act at a time, also several of one kind. */
export interface Actor {
  readonly name: string;
  /** How often it acts compared with the others. */
  readonly weight: number;
  /**
   * One operation, whose every outcome is entered into the model. Rejects with ConnectionLost when the server went
   * away, with a Violation when it broke a promise.
   */
  act(turn: Turn): Promise<void>;
}

/** One protocol's part in a fault run: who acts, and what they have been promised. */
export interface Workload {
  readonly name: string;
  readonly actors: readonly Actor[];
  /**
   * Compares the store with all that was acknowledged, while nobody acts; throws a Violation. What is found out on the
   * way (whether an unanswered change happened) is entered into the model. `isLast`: nothing comes after.
   */
  verify(turn: Turn, options: { readonly isLast: boolean }): Promise<void>;
}
