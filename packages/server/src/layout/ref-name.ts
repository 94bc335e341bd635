import { isTag, type Tag } from '@zot-artifact-store/spec';

/** image-spec annotations.md: "the name of the reference for a target". */
export const REF_NAME = 'org.opencontainers.image.ref.name';

/**
 * The tag a reference name stands for. Most tools write the tag itself; some write a whole reference
 * (`docker.io/library/alpine:3.20`), of which the tag is taken. Undefined when there is no tag in it.
 */
export function tagOfRefName(refName: string): Tag | undefined {
  if (isTag(refName)) return refName;
  const [reference = ''] = refName.slice(refName.lastIndexOf('/') + 1).split('@');
  const colon = reference.indexOf(':');
  const tag = reference.slice(colon + 1);
  return colon > 0 && isTag(tag) ? tag : undefined;
}
