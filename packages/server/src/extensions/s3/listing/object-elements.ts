import { ownerElement } from '../owner.ts';
import { isoTime } from '../reply.ts';
import { type ObjectVersion, objectCodec } from '../store/records.ts';
import type { XmlElement } from '../xml/write.ts';
import type { KeyEntry } from './list-keys.ts';

export interface ElementOptions {
  readonly encode: (name: string) => string;
  readonly hasOwner: boolean;
}

/** The `Contents` and `CommonPrefixes` of a page. */
export function pageElements(
  entries: readonly KeyEntry<Uint8Array>[],
  { encode, hasOwner }: ElementOptions,
): { readonly Contents: readonly XmlElement[]; readonly CommonPrefixes: readonly XmlElement[] } {
  const Contents: XmlElement[] = [];
  const CommonPrefixes: XmlElement[] = [];
  for (const entry of entries) {
    if (entry.kind === 'prefix') {
      CommonPrefixes.push({ Prefix: encode(entry.prefix) });
      continue;
    }
    const record = objectCodec.decode(entry.row);
    Contents.push({
      Key: encode(entry.key),
      ...describe(record),
      ...(hasOwner ? { Owner: ownerElement(record.owner) } : {}),
      StorageClass: 'STANDARD',
    });
  }
  return { Contents, CommonPrefixes };
}

/** What lists of objects and of versions tell alike. */
export function describe(record: ObjectVersion): XmlElement {
  return {
    LastModified: isoTime(record.modifiedAtMs),
    ETag: `"${record.etag}"`,
    ...(record.checksum === undefined
      ? {}
      : { ChecksumAlgorithm: record.checksum.algorithm, ChecksumType: record.checksum.type }),
    Size: record.sizeBytes,
  };
}
