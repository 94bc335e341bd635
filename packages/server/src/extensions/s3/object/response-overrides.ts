import type { Principal } from '../../../extension/access.ts';
import { S3Error } from '../errors.ts';
import type { S3Query } from '../query.ts';
import { invalidArgument } from './invalid-argument.ts';
import { latin1HeaderValue } from './latin1.ts';

const OVERRIDES = [
  'content-type',
  'content-disposition',
  'content-encoding',
  'content-language',
  'cache-control',
  'expires',
] as const;

/** `response-*` in the query replace what was stored. Throws InvalidRequest for who did not sign the request. */
export function responseOverrides(query: S3Query, principal: Principal): Record<string, string> | undefined {
  if (query.size === 0) return undefined;
  let overrides: Record<string, string> | undefined;
  for (const name of OVERRIDES) {
    const value = query.get(`response-${name}`);
    if (value === undefined) continue;
    if (principal.kind === 'anonymous') {
      throw new S3Error(
        'InvalidRequest',
        'Request specific response headers cannot be used for anonymous GET requests.',
      );
    }
    const encoded = latin1HeaderValue(value);
    if (encoded === undefined) {
      throw invalidArgument(`response-${name}`, value, 'A header cannot hold control characters.');
    }
    overrides ??= {};
    overrides[name] = encoded;
  }
  return overrides;
}
