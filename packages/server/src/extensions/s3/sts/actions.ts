import { isStoreError } from '@zot-artifact-store/spec';
import type { UserPrincipal } from '../../../extension/access.ts';
import type { RequestContext } from '../../../http/protocol.ts';
import { userArn } from '../../../policy/request-values.ts';
import { canonicalId } from '../owner.ts';
import type { XmlElement } from '../xml/write.ts';
import { assume, SELF } from './assume.ts';
import { signedBy } from './caller.ts';
import type { StsDeps } from './deps.ts';
import {
  durationSeconds,
  invalid,
  type Parameters,
  required,
  roleOf,
  roleSessionName,
} from './parameters.ts';
import { sessionLimits } from './session-policy.ts';
import { assumedRoleUser, credentialsElement, sessionArn, sessionId } from './session-result.ts';
import { StsError } from './sts-error.ts';

export interface StsRequest {
  readonly parameters: Parameters;
  readonly body: Uint8Array;
  readonly context: RequestContext;
  readonly deps: StsDeps;
}

export interface StsAction {
  /** Besides Action and Version; others are refused, as nothing would come of them. */
  readonly parameters: readonly string[];
  /** The content of the result element. */
  run(request: StsRequest): Promise<XmlElement>;
}

const HOUR_SECONDS = 3_600;
const ROLE_DURATION = { defaultSeconds: HOUR_SECONDS, mostSeconds: 12 * HOUR_SECONDS };
const OWN_DURATION = { defaultSeconds: 12 * HOUR_SECONDS, mostSeconds: 36 * HOUR_SECONDS };
/** There are no accounts here; clients want twelve digits. */
const ACCOUNT = '000000000000';
const MAX_TOKEN_CHARS = 20_000;
/** What the name of a session cannot have. */
const NOT_IN_NAMES = /[^\w+=,.@-]/g;

export const STS_ACTIONS: Readonly<Record<string, StsAction>> = {
  AssumeRole: {
    parameters: ['RoleArn', 'RoleSessionName', 'DurationSeconds', 'Policy'],
    async run({ parameters, body, context, deps }) {
      const { principal, session } = await signedBy(context, body, deps);
      const role = roleOf(parameters);
      const name = roleSessionName(parameters);
      const credentials = assume(
        principal,
        {
          action: 'AssumeRole',
          role,
          name,
          limits: sessionLimits(parameters),
          durationSeconds: durationSeconds(parameters, ROLE_DURATION),
          sourceExpiresAtMs: session?.expiresAtMs,
        },
        context,
        deps,
      );
      return {
        Credentials: credentialsElement(credentials),
        AssumedRoleUser: assumedRoleUser(principal.name, role, name),
      };
    },
  },

  AssumeRoleWithWebIdentity: {
    parameters: ['RoleArn', 'RoleSessionName', 'WebIdentityToken', 'DurationSeconds', 'Policy'],
    async run({ parameters, context, deps }) {
      const role = parameters.get('RoleArn') ? roleOf(parameters) : SELF;
      const asked = parameters.get('RoleSessionName') ? roleSessionName(parameters) : undefined;
      const limits = sessionLimits(parameters);
      const seconds = durationSeconds(parameters, ROLE_DURATION);
      const principal = await bearerOf(required(parameters, 'WebIdentityToken'), deps);
      await context.authorizeAs(principal, []);
      const name = asked ?? principal.name.replace(NOT_IN_NAMES, '-').slice(0, 64);
      const { subject, claims } = principal;
      const credentials = assume(
        principal,
        {
          action: 'AssumeRoleWithWebIdentity',
          role,
          name,
          limits,
          durationSeconds: seconds,
          sourceExpiresAtMs: typeof claims?.exp === 'number' ? claims.exp * 1000 : undefined,
        },
        context,
        deps,
      );
      const audience = [claims?.aud].flat().find((each) => typeof each === 'string');
      return {
        SubjectFromWebIdentityToken: subject?.id ?? principal.name,
        ...(audience !== undefined && { Audience: audience }),
        AssumedRoleUser: assumedRoleUser(principal.name, role, name),
        Credentials: credentialsElement(credentials),
        ...(subject !== undefined && { Provider: subject.issuer }),
      };
    },
  },

  GetSessionToken: {
    parameters: ['DurationSeconds'],
    async run({ parameters, body, context, deps }) {
      const { principal, session } = await signedBy(context, body, deps);
      if (session !== undefined) {
        throw new StsError('AccessDenied', 'Cannot call GetSessionToken with session credentials.');
      }
      const credentials = assume(
        principal,
        {
          action: 'GetSessionToken',
          role: SELF,
          name: principal.name.replace(NOT_IN_NAMES, '-').slice(0, 64),
          limits: [],
          durationSeconds: durationSeconds(parameters, OWN_DURATION),
          sourceExpiresAtMs: undefined,
        },
        context,
        deps,
      );
      return { Credentials: credentialsElement(credentials) };
    },
  },

  GetCallerIdentity: {
    parameters: [],
    async run({ body, context, deps }) {
      const { principal, session } = await signedBy(context, body, deps);
      const { name } = principal;
      return {
        Arn: session === undefined ? userArn(name) : sessionArn(session.session.role, session.session.name),
        UserId: session === undefined ? canonicalId(name) : sessionId(name, session.session.name),
        Account: ACCOUNT,
      };
    },
  },
};

/** The user of an issuer's token. Throws InvalidIdentityToken, ExpiredTokenException and IDPCommunicationError. */
async function bearerOf(token: string, { identities }: StsDeps): Promise<UserPrincipal> {
  if (token.length > MAX_TOKEN_CHARS) {
    throw invalid(`WebIdentityToken has ${MAX_TOKEN_CHARS} characters at most`);
  }
  try {
    return await identities.verifyToken(token);
  } catch (error) {
    if (isStoreError(error, 'unavailable')) {
      throw new StsError('IDPCommunicationError', error.message, { cause: error });
    }
    if (!isStoreError(error, 'unauthenticated')) throw error;
    const code = error.message.includes('expired') ? 'ExpiredTokenException' : 'InvalidIdentityToken';
    throw new StsError(code, error.message, { cause: error });
  }
}
