import type { RequestHead } from '../../../http/protocol.ts';
import type { RegionRule } from './credential-scope.ts';
import type { Credential, CredentialDeps } from './credentials.ts';
import type { RootGuesses } from './root-guesses.ts';
import type { ProxyRule } from './signed-places.ts';
import type { SignedRequest } from './signed-request.ts';
import type { SigningKeys } from './signing-key.ts';

/** What every way to verify a signature works with. */
export interface SignatureDeps extends CredentialDeps, RegionRule {
  readonly signingKeys: SigningKeys;
  readonly proxies: ProxyRule;
  readonly maxSkewMs: number;
  readonly rootGuesses: RootGuesses;
  /** The peer, or whom a trusted proxy speaks for. */
  clientAddress(head: RequestHead): string;
  /** The bucket in the Host, where it stands there. */
  hostBucket(head: RequestHead): string | undefined;
  /** Version 2 of signatures: not at all, in queries and forms, or in headers too. */
  readonly signatureV2: boolean | 'all';
}

/** A request whose signature is right. */
export interface Verified {
  readonly credential: Credential;
  readonly signed: SignedRequest;
}
