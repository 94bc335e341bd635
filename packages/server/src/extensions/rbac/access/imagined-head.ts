import type { RequestHead } from '../../../http/protocol.ts';
import { rememberFacts } from '../../../policy/request-facts.ts';

const DEFAULT_ADDRESS = '127.0.0.1';

/** The head of a request nobody sent, with what conditions are to find in it. */
export function imaginedHead(context: Readonly<Record<string, string | readonly string[]>>): RequestHead {
  const values = new Map(Object.entries(context).map(([key, value]) => [key.toLowerCase(), [value].flat()]));
  const agent = values.get('aws:useragent')?.[0];
  const isSecure = values.get('aws:securetransport')?.[0]?.toLowerCase() === 'true';
  const head: RequestHead = {
    id: 'explanation',
    method: 'GET',
    target: '/',
    path: '/',
    query: '',
    headers: agent === undefined ? {} : { 'user-agent': agent },
    rawHeaders: [],
    remoteAddress: values.get('aws:sourceip')?.[0] ?? DEFAULT_ADDRESS,
    ...(isSecure && { tls: { version: 'TLSv1.3' } }),
  };
  rememberFacts(head, { values: (key) => values.get(key) });
  return head;
}
