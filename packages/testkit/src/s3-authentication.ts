import type { Authentication } from '../../server/src/extension/contract.ts';
import {
  createS3Authenticator,
  type S3AuthenticatorDeps,
} from '../../server/src/extensions/s3/auth/authenticator.ts';
import { RootGuesses } from '../../server/src/extensions/s3/auth/root-guesses.ts';
import { S3Error } from '../../server/src/extensions/s3/errors.ts';
import { parseQuery } from '../../server/src/extensions/s3/query.ts';
import type { Operation, RequestHead } from '../../server/src/http/protocol.ts';
import type { TestHead } from './request-head.ts';
import { presignTarget, signHeaders } from './s3-signer.ts';

/** The credentials and the day of all examples in Amazon's reference. */
export const KEY = {
  accessKeyId: 'AKIAIOSFODNN7EXAMPLE',
  secretAccessKey: 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY',
};
export const AT = new Date('2013-05-24T00:00:00Z');

/** No directory of users, and nobody who hands out sessions. */
export const NOBODY_ELSE = {
  identities: {
    userNamed: async (name: string) =>
      ({ kind: 'user', name, groups: [], via: 'name', isRoot: false }) as const,
  },
  sessionTokens: { open: async () => undefined },
  rootGuesses: new RootGuesses({ now: () => 0 }),
};

/** An authenticator's surroundings on that day, with KEY as a key of alice. */
export function deps(changes: Partial<S3AuthenticatorDeps> = {}): S3AuthenticatorDeps {
  return {
    root: { user: 'root', password: 'root-password' },
    keys: {
      find: async (accessKeyId) =>
        accessKeyId === KEY.accessKeyId ? { ...KEY, user: 'alice', createdAtMs: 0 } : undefined,
    },
    clock: { now: () => AT.getTime() },
    ...NOBODY_ELSE,
    region: 'us-east-1',
    acceptAnyRegion: false,
    maxClockSkewSeconds: 900,
    signatureV2: true,
    domains: [],
    trustedProxies: [],
    ...changes,
  };
}

export function operation(head: RequestHead, name = 's3.GetObject'): Operation {
  // What the authenticator uses of an operation.
  return { name, permissions: [], query: parseQuery(head.query) } as Operation;
}

/** What the authenticator says of a request for `name`. */
export async function authenticate(
  head: RequestHead,
  changes: Partial<S3AuthenticatorDeps> = {},
  name?: string,
): Promise<Authentication> {
  return createS3Authenticator(deps(changes)).authenticate(head, operation(head, name));
}

/** The error of a request that must be refused. */
export async function failure(
  head: RequestHead,
  changes?: Partial<S3AuthenticatorDeps>,
  name?: string,
): Promise<S3Error> {
  try {
    await authenticate(head, changes, name);
  } catch (error) {
    if (error instanceof S3Error) return error;
    throw error;
  }
  throw new Error('it was accepted');
}

/** What a right signature with KEY gives. */
export const ALICE = {
  outcome: 'principal',
  principal: {
    kind: 'user',
    name: 'alice',
    groups: [],
    via: 'access-key',
    isRoot: false,
    accessKeyId: KEY.accessKeyId,
    credential: { kind: 'access-key', id: KEY.accessKeyId },
  },
};

export type SignedHead = Omit<TestHead, 'headers'> & { readonly headers: Record<string, string> };

/** What the signer of the JavaScript SDK makes of a request to http://localhost:9000. */
export async function signed(
  target: string,
  more: {
    readonly method?: string;
    readonly headers?: Record<string, string>;
    readonly payloadHash?: string;
    readonly at?: Date;
    readonly region?: string;
    readonly key?: typeof KEY;
    readonly sessionToken?: string;
  } = {},
): Promise<SignedHead> {
  const { method = 'GET', headers, payloadHash, at = AT, region, key = KEY, sessionToken } = more;
  const signedHeaders = await signHeaders(
    {
      method,
      url: `http://localhost:9000${target}`,
      ...(headers && { headers }),
      ...(payloadHash && { payloadHash }),
    },
    { ...key, at, ...(region && { region }), ...(sessionToken && { sessionToken }) },
  );
  return { method, target, headers: signedHeaders };
}

/** The same as a presigned URL. */
export async function presigned(
  target: string,
  more: {
    readonly expiresIn?: number;
    readonly method?: string;
    readonly headers?: Record<string, string>;
  } = {},
): Promise<SignedHead> {
  const { expiresIn = 3600, method = 'GET', headers } = more;
  const presignedTarget = await presignTarget(
    { method, url: `http://localhost:9000${target}`, ...(headers && { headers }) },
    { ...KEY, at: AT, expiresIn },
  );
  return { method, target: presignedTarget, headers: { host: 'localhost:9000' } };
}
