import { ownerElement } from '../owner.ts';
import { isoTime } from '../reply.ts';
import { type ObjectVersion, objectCodec } from '../store/records.ts';
import { element, escapeXml, RenderedXml, type XmlElement } from '../xml/write.ts';
import type { KeyEntry } from './list-keys.ts';

export interface ElementOptions {
  readonly encode: (name: string) => string;
  readonly hasOwner: boolean;
}

/** The `Contents` and `CommonPrefixes` of a page. */
export function pageElements(
  entries: readonly KeyEntry<Uint8Array>[],
  { encode, hasOwner }: ElementOptions,
): { readonly Contents: readonly RenderedXml[]; readonly CommonPrefixes: readonly XmlElement[] } {
  const Contents: RenderedXml[] = [];
  const CommonPrefixes: XmlElement[] = [];
  for (const entry of entries) {
    if (entry.kind === 'prefix') {
      CommonPrefixes.push({ Prefix: encode(entry.prefix) });
      continue;
    }
    const record = objectCodec.decode(entry.row);
    const owner = hasOwner ? element('Owner', ownerElement(record.owner)) : '';
    Contents.push(
      new RenderedXml(
        `<Key>${escapeXml(encode(entry.key))}</Key>${describe(record)}${owner}<StorageClass>STANDARD</StorageClass>`,
      ),
    );
  }
  return { Contents, CommonPrefixes };
}

/** What lists of objects and of versions tell alike, as XML. Nothing in it needs an escape but the ETag's quotes. */
export function describe({ modifiedAtMs, etag, checksum, sizeBytes }: ObjectVersion): string {
  const kind =
    checksum === undefined
      ? ''
      : `<ChecksumAlgorithm>${checksum.algorithm}</ChecksumAlgorithm><ChecksumType>${checksum.type}</ChecksumType>`;
  return `<LastModified>${isoTime(modifiedAtMs)}</LastModified><ETag>&quot;${etag}&quot;</ETag>${kind}<Size>${sizeBytes}</Size>`;
}
