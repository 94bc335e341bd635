import type { RequestHead } from '../../server/src/http/protocol.ts';

export interface TestHead {
  readonly method?: string;
  /** Raw, with its query. */
  readonly target: string;
  /** As they come over the wire, repeated ones too; a Host is added when there is none. */
  readonly headers?: readonly (readonly [name: string, value: string])[] | Readonly<Record<string, string>>;
  readonly remoteAddress?: string;
}

/** A request head as the pipeline makes it of what node:http received. */
export function requestHead({ method = 'GET', target, headers = [], remoteAddress }: TestHead): RequestHead {
  const given: [string, string][] = Array.isArray(headers)
    ? headers.map(([name, value]): [string, string] => [name, value])
    : Object.entries(headers);
  if (!given.some(([name]) => name.toLowerCase() === 'host')) given.unshift(['Host', 'localhost']);
  const joined: Record<string, string> = {};
  for (const [name, value] of given) {
    const lower = name.toLowerCase();
    joined[lower] = joined[lower] === undefined ? value : `${joined[lower]}, ${value}`;
  }
  const mark = target.indexOf('?');
  return {
    id: 'request-1',
    method,
    target,
    path: mark < 0 ? target : target.slice(0, mark),
    query: mark < 0 ? '' : target.slice(mark + 1),
    headers: joined,
    rawHeaders: given.flat(),
    remoteAddress: remoteAddress ?? '127.0.0.1',
  };
}
