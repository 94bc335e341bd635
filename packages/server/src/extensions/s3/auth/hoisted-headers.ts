import type { RequestContext, RequestHead } from '../../../http/protocol.ts';
import { S3Error } from '../errors.ts';
import { parseQuery } from '../query.ts';

const SIGNED_QUERY = /(?:^|&)(?:X-Amz-Signature|Signature)=/;
/** What belongs to the signature itself, and what the client computed of a body it did not have yet. */
const NOT_A_HEADER =
  /^x-amz-(?:algorithm|credential|date|expires|signature|signedheaders|security-token|content-sha256|user-agent|sdk-checksum-algorithm|checksum-.*)$/;
// biome-ignore lint/suspicious/noControlCharactersInRegex: no header has them
const CONTROL = /[\x00-\x08\x0a-\x1f\x7f]/;

const effective = new WeakMap<RequestHead, RequestHead>();

/**
 * The head as its client meant it: signers move `x-amz-` headers into the query of a presigned URL, where they count as
 * if they had been sent. A header that was sent stands. Checksums in the query are those of an empty body and are
 * passed over, as Amazon does. Throws InvalidArgument for a value no header could have.
 */
export function withHoistedHeaders(head: RequestHead): RequestHead {
  if (head.query === '' || !SIGNED_QUERY.test(head.query)) return head;
  let found = effective.get(head);
  if (found === undefined) {
    found = hoist(head);
    effective.set(head, found);
    // The same for what is derived from it.
    effective.set(found, found);
  }
  return found;
}

/** The context of an operation, with that head. */
export function withHoistedContext(context: RequestContext): RequestContext {
  const head = withHoistedHeaders(context.head);
  if (head === context.head) return context;
  return {
    head,
    principal: context.principal,
    // Made when they are first asked for.
    get body() {
      return context.body;
    },
    get signal() {
      return context.signal;
    },
    challenges: () => context.challenges(),
    note: (facts) => context.note(facts),
    can: (permission) => context.can(permission),
    authorizeAs: (principal, permissions) => context.authorizeAs(principal, permissions),
  };
}

function hoist(head: RequestHead): RequestHead {
  const headers: Record<string, string | string[] | undefined> = { ...head.headers };
  const rawHeaders = [...head.rawHeaders];
  for (const [parameter, value] of parseQuery(head.query)) {
    const name = parameter.toLowerCase();
    if (!name.startsWith('x-amz-') || NOT_A_HEADER.test(name) || headers[name] !== undefined) continue;
    if (CONTROL.test(value)) {
      throw new S3Error('InvalidArgument', `The parameter ${name} has characters that no header can have.`, {
        fields: { ArgumentName: name.slice(0, 128) },
      });
    }
    // As node:http gives header values: each byte one character.
    const bytes = Buffer.from(value, 'utf8').toString('latin1');
    headers[name] = bytes;
    rawHeaders.push(name, bytes);
  }
  if (rawHeaders.length === head.rawHeaders.length) return head;
  return { ...head, headers, rawHeaders };
}
