import { isStoreError, type StoreError } from '@zot-artifact-store/spec';
import { assertObjectKey } from '../object-key.ts';
import { childrenNamed, childText, malformed, parseLongXml, type XmlNode } from '../xml/parse.ts';
import { type DeleteConditions, parseDeleteConditions } from './conditional-write.ts';
import { assertVersionId } from './version-id.ts';

export interface DeleteEntry {
  readonly key: string;
  readonly versionId: string | undefined;
  readonly conditions: DeleteConditions | undefined;
  /** Why this key cannot be deleted; the others can. */
  readonly problem?: StoreError;
}

const MAX_ENTRIES = 1_000;

/** The document of DeleteObjects. Throws MalformedXML unless it names 1 to 1,000 keys. */
export async function parseDeleteDocument(bytes: Uint8Array): Promise<{
  readonly entries: readonly DeleteEntry[];
  readonly isQuiet: boolean;
}> {
  const root = await parseLongXml(bytes, 'Delete');
  const objects = childrenNamed(root, 'Object');
  if (objects.length === 0 || objects.length > MAX_ENTRIES) {
    throw malformed(`it names ${objects.length} objects, and 1 to ${MAX_ENTRIES} can be deleted at once`);
  }
  return { entries: objects.map(parseEntry), isQuiet: childText(root, 'Quiet')?.toLowerCase() === 'true' };
}

function parseEntry(node: XmlNode): DeleteEntry {
  const key = childText(node, 'Key');
  if (key === undefined || key === '') throw malformed('an Object has no Key');
  const versionId = childText(node, 'VersionId') || undefined;
  const entry = { key, versionId, conditions: undefined };
  try {
    assertObjectKey(key);
    if (versionId !== undefined) assertVersionId(versionId);
    const conditions = parseDeleteConditions({
      etag: childText(node, 'ETag'),
      size: childText(node, 'Size'),
      modified: childText(node, 'LastModifiedTime'),
    });
    return { ...entry, conditions };
  } catch (error) {
    if (!isStoreError(error)) throw error;
    return { ...entry, problem: error };
  }
}
