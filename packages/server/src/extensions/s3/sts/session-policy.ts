import type { AccessLimit } from '../../../extension/access.ts';
import { parsePolicy } from '../../../policy/parse-policy.ts';
import { PolicyProblem } from '../../../policy/policy.ts';
import type { Parameters } from './parameters.ts';
import { invalid } from './parameters.ts';
import { StsError } from './sts-error.ts';

/** As at Amazon, in characters. */
const MAX_POLICY_BYTES = 2_048;

/**
 * The limits of a session besides those of who makes it. Throws MalformedPolicyDocument and PackedPolicyTooLarge, and
 * ValidationError for managed policies by ARN, of which there are none.
 */
export function sessionLimits(parameters: Parameters): readonly AccessLimit[] {
  if ([...parameters.keys()].some((name) => name.startsWith('PolicyArns.'))) {
    throw invalid('PolicyArns is not supported; put the document into Policy');
  }
  const document = parameters.get('Policy');
  if (document === undefined || document === '') return [];
  if (Buffer.byteLength(document) > MAX_POLICY_BYTES) {
    throw new StsError('PackedPolicyTooLarge', `A session policy has ${MAX_POLICY_BYTES} bytes at most.`);
  }
  try {
    parsePolicy(document, { kind: 'identity', maxBytes: MAX_POLICY_BYTES });
  } catch (error) {
    if (!(error instanceof PolicyProblem)) throw error;
    throw new StsError('MalformedPolicyDocument', `The policy is not valid: ${error.message}.`, {
      cause: error,
    });
  }
  return [{ name: 'session policy', document }];
}
