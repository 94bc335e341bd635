import type { S3Deps } from '../deps.ts';
import type { Handler } from '../handlers.ts';
import { invalidArgument, parseEncoding, parseKeyText, parseMax } from '../listing/list-query.ts';
import { listVersions, type VersionEntry } from '../listing/list-versions.ts';
import { describe } from '../listing/object-elements.ts';
import type { BucketOperation } from '../operation.ts';
import { ownerElement } from '../owner.ts';
import { isoTime, xmlReply } from '../reply.ts';
import type { StoredBucket } from '../store/buckets.ts';
import { isOrder } from '../store/order.ts';
import { versionIdOf } from '../store/versions.ts';
import { element, escapeXml, RenderedXml, type XmlElement, XmlMix } from '../xml/write.ts';

/** ListObjectVersions: all versions and delete markers; of an unversioned bucket its objects, with the id `null`. */
export const listObjectVersions: Handler<BucketOperation> = async ({ bucket, query }, _context, deps) => {
  const prefix = parseKeyText(query, 'prefix');
  const delimiter = query.get('delimiter') ?? '';
  const keyMarker = parseKeyText(query, 'key-marker');
  const versionMarker = query.get('version-id-marker') ?? '';
  const limit = parseMax(query, 'max-keys');
  const encode = parseEncoding(query);
  const found = await deps.buckets.require(bucket);
  const order = await orderOf(deps, found, keyMarker, versionMarker);
  const page = await listVersions(deps.metadata, {
    bucketId: found.record.id,
    prefix,
    delimiter,
    after: { key: keyMarker, ...(order === undefined ? {} : { order }) },
    limit,
  });
  return xmlReply('ListVersionsResult', {
    Name: bucket,
    Prefix: encode(prefix),
    KeyMarker: encode(keyMarker),
    VersionIdMarker: versionMarker,
    ...(page.isTruncated ? nextMarkers(page.entries.at(-1), encode) : {}),
    MaxKeys: limit,
    ...(delimiter === '' ? {} : { Delimiter: encode(delimiter) }),
    ...(query.get('encoding-type') === 'url' ? { EncodingType: 'url' } : {}),
    IsTruncated: page.isTruncated,
    ...elements(page.entries, encode),
  });
};

/** Where a version stands among those of its key. Throws InvalidArgument for a marker without a key, or no id at all. */
async function orderOf(
  { versions }: S3Deps,
  bucket: StoredBucket,
  key: string,
  versionMarker: string,
): Promise<string | undefined> {
  if (versionMarker === '') return undefined;
  if (key === '') {
    throw invalidArgument(
      'version-id-marker',
      versionMarker,
      'A version-id marker cannot be specified without a key marker.',
    );
  }
  if (isOrder(versionMarker)) return versionMarker;
  if (versionMarker !== 'null') {
    throw invalidArgument('version-id-marker', versionMarker, 'Invalid version id specified');
  }
  return (await versions.find({ bucket, key }, 'null'))?.record.order;
}

function nextMarkers(last: VersionEntry | undefined, encode: (name: string) => string): XmlElement {
  if (last === undefined) return {};
  if (last.kind === 'prefix') return { NextKeyMarker: encode(last.prefix) };
  return { NextKeyMarker: encode(last.key), NextVersionIdMarker: versionIdOf(last.record) };
}

/** Versions and markers stand in one order, whatever their elements are called; common prefixes follow. */
function elements(entries: readonly VersionEntry[], encode: (name: string) => string): XmlElement {
  const mix: (readonly [string, XmlElement | RenderedXml])[] = [];
  const CommonPrefixes: XmlElement[] = [];
  for (const entry of entries) {
    if (entry.kind === 'prefix') {
      CommonPrefixes.push({ Prefix: encode(entry.prefix) });
      continue;
    }
    const { key, record, isLatest } = entry;
    if (record.kind === 'marker') {
      mix.push([
        'DeleteMarker',
        {
          Key: encode(key),
          VersionId: versionIdOf(record),
          IsLatest: isLatest,
          LastModified: isoTime(record.modifiedAtMs),
          Owner: ownerElement(record.owner),
        },
      ]);
    } else {
      const head = `<Key>${escapeXml(encode(key))}</Key><VersionId>${versionIdOf(record)}</VersionId><IsLatest>${isLatest}</IsLatest>`;
      const owner = element('Owner', ownerElement(record.owner));
      mix.push([
        'Version',
        new RenderedXml(`${head}${describe(record)}${owner}<StorageClass>STANDARD</StorageClass>`),
      ]);
    }
  }
  return { Versions: new XmlMix(mix), CommonPrefixes };
}
