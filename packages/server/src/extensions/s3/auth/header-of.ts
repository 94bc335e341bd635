import type { RequestHead } from '../../../http/protocol.ts';

/** The value of a header by its lower-case name; repeated ones are joined by node:http, which no parser here accepts. */
export function headerOf(head: Pick<RequestHead, 'headers'>, name: string): string | undefined {
  const value = head.headers[name];
  return typeof value === 'string' ? value : undefined;
}
