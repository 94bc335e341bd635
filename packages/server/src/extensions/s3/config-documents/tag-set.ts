import { assertTags, type Tags } from '../object/tags.ts';
import { child, childrenNamed, childText, malformed, parseXml } from '../xml/parse.ts';
import type { XmlElement } from '../xml/write.ts';

/** A `<Tagging>` document. Throws MalformedXML and InvalidTag. */
export function parseTagging(bytes: Uint8Array, maxTags: number): Tags {
  const set = child(parseXml(bytes, 'Tagging'), 'TagSet');
  if (set === undefined) throw malformed('there is no TagSet');
  const tags = childrenNamed(set, 'Tag').map((tag) => {
    const name = childText(tag, 'Key');
    const value = childText(tag, 'Value');
    if (name === undefined || value === undefined) throw malformed('a Tag needs a Key and a Value');
    return [name, value] as const;
  });
  assertTags(tags, maxTags);
  return tags;
}

/** What is in `<Tagging>`. */
export function taggingElement(tags: Tags): XmlElement {
  return { TagSet: { Tag: tags.map(([Key, Value]) => ({ Key, Value })) } };
}
