import type { RequestHead } from '../../../http/protocol.ts';
import { headerOf } from '../auth/header-of.ts';

/**
 * Where what a request says of a new object comes from: its headers, or the fields of a form. Names are in lower case,
 * values are latin1 as node:http gives and takes them.
 */
export interface Fields {
  get(name: string): string | undefined;
  /** Names that begin with `prefix`, without it; the values of repeated ones joined with commas. */
  under(prefix: string): ReadonlyMap<string, string>;
}

/** From the raw headers where names may repeat: node:http joins the values of headers it does not know with blanks. */
export function headerFields(head: RequestHead): Fields {
  return {
    get: (name) => headerOf(head, name),
    under(prefix) {
      const found = new Map<string, string>();
      const { rawHeaders } = head;
      for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
        const name = rawHeaders[i] ?? '';
        if (name.length <= prefix.length || name.slice(0, prefix.length).toLowerCase() !== prefix) continue;
        const key = name.slice(prefix.length).toLowerCase();
        const before = found.get(key);
        const value = rawHeaders[i + 1] ?? '';
        found.set(key, before === undefined ? value : `${before},${value}`);
      }
      return found;
    },
  };
}
