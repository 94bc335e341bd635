import type { RequestHead } from '../../../http/protocol.ts';
import { parseTagging } from '../config-documents/tag-set.ts';
import { type Description, parseDescription } from './description.ts';
import type { Fields } from './fields.ts';
import { invalidArgument } from './invalid-argument.ts';
import { latin1HeaderValue } from './latin1.ts';
import { MAX_OBJECT_TAGS } from './tags.ts';

/** Header names (RFC 9110 5.1): metadata must come back as headers. */
const TOKEN = /^[!#$%&'*+.^_`|~0-9a-z-]+$/;

/** What a form says of its object; there, the ACL is called `acl`, and tags are a document. */
export function parseFormDescription(fields: ReadonlyMap<string, string>, nowMs: number): Description {
  const tagging = fields.get('tagging');
  return {
    ...parseDescription(formFields(fields), nowMs),
    ...(tagging !== undefined && { tags: parseTagging(Buffer.from(tagging), MAX_OBJECT_TAGS) }),
  };
}

/** The fields as if they were headers. */
export function formHead(fields: ReadonlyMap<string, string>): Pick<RequestHead, 'headers'> {
  return { headers: Object.fromEntries(fields) };
}

function formFields(fields: ReadonlyMap<string, string>): Fields {
  return {
    get(name) {
      const value = fields.get(name === 'x-amz-acl' ? 'acl' : name) ?? fields.get(name);
      return value === undefined ? undefined : asHeader(name, value);
    },
    under(prefix) {
      const found = new Map<string, string>();
      for (const [name, value] of fields) {
        if (!name.startsWith(prefix) || name.length === prefix.length) continue;
        if (!TOKEN.test(name))
          throw invalidArgument(name, value, 'The name of a header has other characters.');
        found.set(name.slice(prefix.length), asHeader(name, value));
      }
      return found;
    },
  };
}

function asHeader(name: string, value: string): string {
  const encoded = latin1HeaderValue(value.trim());
  if (encoded !== undefined) return encoded;
  throw invalidArgument(name, value, 'A header cannot hold control characters.');
}
