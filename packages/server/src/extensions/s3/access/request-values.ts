import type { RequestHead } from '../../../http/protocol.ts';
import type { ConditionValues } from '../../../policy/condition.ts';
import { factsOf, rememberFacts } from '../../../policy/request-facts.ts';
import { tagsNamed } from '../../../policy/request-values.ts';
import { withHoistedHeaders } from '../auth/hoisted-headers.ts';
import { signedRequestOf } from '../auth/signed-request.ts';

const EXISTING_TAG = 's3:existingobjecttag/';

const told = new WeakSet<RequestHead>();

/** Lets every authorizer know what S3 knows of a request: how it is signed, and headers that came in the query. */
export function tellFacts(
  head: RequestHead,
  { nowMs, clientAddress }: { readonly nowMs: number; readonly clientAddress: string },
): void {
  if (told.has(head)) return;
  told.add(head);
  const before = factsOf(head);
  rememberFacts(head, {
    head: withHoistedHeaders(head),
    clientAddress: before?.clientAddress ?? clientAddress,
    values: (key) => {
      const known = before?.values?.(key);
      if (known !== undefined) return known;
      const value = signatureValue(key, head, nowMs);
      return value === undefined ? undefined : [value];
    },
  });
}

/** `values`, and the tags of the object there is. */
export function withExistingTags(
  values: ConditionValues,
  tags: readonly (readonly [string, string])[] | undefined,
): ConditionValues {
  return (key) =>
    key.startsWith(EXISTING_TAG) ? tagsNamed(tags ?? [], key.slice(EXISTING_TAG.length)) : values(key);
}

function signatureValue(key: string, head: RequestHead, nowMs: number): string | undefined {
  if (key !== 's3:signatureversion' && key !== 's3:authtype' && key !== 's3:signatureage') return undefined;
  const signed = signedRequestOf(head);
  if (signed === undefined) return undefined;
  if (key === 's3:signatureversion') return signed.scheme.startsWith('v4') ? 'AWS4-HMAC-SHA256' : 'AWS';
  if (key === 's3:authtype') return signed.scheme.endsWith('query') ? 'REST-QUERY-STRING' : 'REST-HEADER';
  return signed.signedAtMs === undefined ? undefined : String(nowMs - signed.signedAtMs);
}
