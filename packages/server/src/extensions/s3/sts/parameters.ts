import { StsError } from './sts-error.ts';

/** The form of a request: each name once. */
export type Parameters = ReadonlyMap<string, string>;

const VERSION = '2011-06-15';
const MAX_PARAMETERS = 200;

/** Reads `application/x-www-form-urlencoded`. Throws ValidationError for names that come twice and for other versions. */
export function parseParameters(form: string): Parameters {
  const parameters = new Map<string, string>();
  for (const [name, value] of new URLSearchParams(form)) {
    if (parameters.has(name)) throw invalid(`the parameter "${name.slice(0, 64)}" comes twice`);
    if (parameters.size >= MAX_PARAMETERS) throw invalid('there are too many parameters');
    parameters.set(name, value);
  }
  const version = parameters.get('Version');
  if (version !== undefined && version !== VERSION) {
    throw invalid(`this is version ${VERSION} of the API, and "${version.slice(0, 20)}" was asked for`);
  }
  return parameters;
}

/** Throws MissingParameter. */
export function required(parameters: Parameters, name: string): string {
  const value = parameters.get(name);
  if (value !== undefined && value !== '') return value;
  throw new StsError('MissingParameter', `The request must contain the parameter ${name}.`);
}

export interface DurationRule {
  readonly defaultSeconds: number;
  readonly mostSeconds: number;
}

export const LEAST_DURATION_SECONDS = 900;

/** `DurationSeconds`. Throws ValidationError. */
export function durationSeconds(
  parameters: Parameters,
  { defaultSeconds, mostSeconds }: DurationRule,
): number {
  const text = parameters.get('DurationSeconds');
  if (text === undefined || text === '') return defaultSeconds;
  const seconds = /^\d{1,9}$/.test(text) ? Number(text) : -1;
  if (seconds >= LEAST_DURATION_SECONDS && seconds <= mostSeconds) return seconds;
  throw invalid(`DurationSeconds must be a number from ${LEAST_DURATION_SECONDS} to ${mostSeconds}`);
}

const SESSION_NAME = /^[\w+=,.@-]{2,64}$/;

/** `RoleSessionName`. Throws MissingParameter and ValidationError. */
export function roleSessionName(parameters: Parameters): string {
  const name = required(parameters, 'RoleSessionName');
  if (SESSION_NAME.test(name)) return name;
  throw invalid('RoleSessionName must be 2 to 64 letters, digits or characters of "_+=,.@-"');
}

const ROLE_ARN = /^arn:[a-z0-9-]{1,20}:iam::[A-Za-z0-9-]{0,64}:role\/([\x21-\x7e]{1,512})$/;

/** The role of `arn:aws:iam::<anything>:role/<name>`. Throws MissingParameter and ValidationError. */
export function roleOf(parameters: Parameters): string {
  const arn = required(parameters, 'RoleArn');
  const name = ROLE_ARN.exec(arn)?.[1];
  if (name !== undefined) return name;
  throw invalid('RoleArn must be arn:aws:iam:::role/NAME, where NAME is "self" or one of the user\'s roles');
}

export function invalid(why: string): StsError {
  return new StsError('ValidationError', `Validation error: ${why}.`);
}
