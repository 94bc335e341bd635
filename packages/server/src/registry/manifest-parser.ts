import {
  type Descriptor,
  type Digest,
  MediaType,
  StoreError,
  tryParseDigest,
} from '@zot-artifact-store/spec';
import { parseBoundedJson } from './bounded-json.ts';

/** What the registry needs to know of a manifest. The bytes themselves are stored as they came. */
export interface ParsedManifest {
  readonly kind: 'image' | 'index';
  /** The manifest's, else (of an image manifest) its config's media type (distribution-spec, "Listing Referrers"). */
  readonly artifactType: string | undefined;
  readonly subject: Descriptor | undefined;
  readonly annotations: Readonly<Record<string, string>> | undefined;
  /** Config and layers, with their sizes. */
  readonly blobs: ReadonlyMap<Digest, number>;
  /** The one blob that must be in the repository; layers of a sparse image may come later, or never. */
  readonly config: Digest | undefined;
  /** What may be missing: index children (sparse indexes) and layers that come from elsewhere. */
  readonly optional: ReadonlyMap<Digest, number>;
  /** Descriptors of an index in its order; empty for an image manifest. */
  readonly children: readonly Descriptor[];
}

/**
 * A manifest naming more is refused: each name is a row, and a push or delete is one transaction. Layers cost more than
 * children, because a delete renews the lease of each.
 */
const MAX_LAYERS = 4_000;
const MAX_CHILDREN = 10_000;
/** RFC 6838 allows 127 characters for each half. */
const MAX_MEDIA_TYPE_LENGTH = 255;

const KINDS: Readonly<Record<string, ParsedManifest['kind']>> = {
  [MediaType.imageManifest]: 'image',
  [MediaType.imageIndex]: 'index',
  [MediaType.dockerManifest]: 'image',
  [MediaType.dockerManifestList]: 'index',
};

const FOREIGN_LAYERS = [
  'application/vnd.oci.image.layer.nondistributable.v1.',
  'application/vnd.docker.image.rootfs.foreign.',
];

type JsonObject = Readonly<Record<string, unknown>>;

export function isDockerManifest(mediaType: string): boolean {
  return mediaType === MediaType.dockerManifest || mediaType === MediaType.dockerManifestList;
}

/** Whether a media type names an index or manifest list; undefined when it names no manifest at all. */
export function manifestKind(mediaType: string): ParsedManifest['kind'] | undefined {
  return Object.hasOwn(KINDS, mediaType) ? KINDS[mediaType] : undefined;
}

/**
 * Reads a manifest of a media type we know. Throws `manifest-invalid` with the place in the document, and
 * `media-type-unsupported` for another media type.
 */
export function parseManifest(bytes: Uint8Array, mediaType: string): ParsedManifest {
  const kind = manifestKind(mediaType);
  if (kind === undefined) throw mediaTypeUnsupported(mediaType);
  const document = parseBoundedJson(bytes);
  if (!isObject(document)) throw invalid('the manifest is not a JSON object');
  checkHeader(document, mediaType);
  return kind === 'image' ? readImage(document, mediaType) : readIndex(document, mediaType);
}

export function mediaTypeUnsupported(mediaType: string): StoreError {
  return new StoreError(
    'media-type-unsupported',
    `"${mediaType.slice(0, 120)}" is not a manifest media type this registry takes`,
    { resource: mediaType.slice(0, 120) },
  );
}

function checkHeader(document: JsonObject, mediaType: string): void {
  if (document.schemaVersion !== 2) throw invalid('schemaVersion must be 2');
  const own = document.mediaType ?? undefined;
  if (own === undefined && isDockerManifest(mediaType)) throw invalid('mediaType is missing');
  if (own !== undefined && own !== mediaType) {
    throw invalid(`mediaType ${show(own)} is not the Content-Type "${mediaType}"`);
  }
}

function readImage(document: JsonObject, mediaType: string): ParsedManifest {
  // A document that is a manifest and an index at once means different things to different readers (CVE-2021-41190).
  if (document.manifests !== undefined) throw invalid('an image manifest cannot have manifests');
  const config = readDescriptor(document.config, 'config');
  const layers = readList(document, 'layers', MAX_LAYERS);
  const blobs = new Map<Digest, number>();
  const optional = new Map<Digest, number>();
  note(blobs, config, 'config');
  layers.forEach((layer, index) => {
    note(isForeign(layer) ? optional : blobs, layer, `layers[${index}]`);
  });
  for (const [digest, size] of optional) {
    if (!blobs.has(digest)) continue;
    if (blobs.get(digest) !== size) throw invalid(`${digest} is named with two sizes`);
    optional.delete(digest);
  }
  const common = readCommon(document, mediaType);
  return {
    kind: 'image',
    ...common,
    artifactType: common.artifactType ?? config.mediaType,
    blobs,
    config: config.digest,
    optional,
    children: [],
  };
}

function readIndex(document: JsonObject, mediaType: string): ParsedManifest {
  if (document.layers !== undefined || document.config !== undefined) {
    throw invalid('an image index cannot have a config or layers');
  }
  const children = readList(document, 'manifests', MAX_CHILDREN);
  const optional = new Map<Digest, number>();
  children.forEach((child, index) => {
    note(optional, child, `manifests[${index}]`);
  });
  const common = readCommon(document, mediaType);
  return { kind: 'index', ...common, blobs: new Map(), config: undefined, optional, children };
}

function readCommon(document: JsonObject, mediaType: string) {
  const artifactType = document.artifactType ?? undefined;
  if (
    artifactType !== undefined &&
    (typeof artifactType !== 'string' || artifactType.length > MAX_MEDIA_TYPE_LENGTH)
  ) {
    throw invalid(`artifactType is not a text of at most ${MAX_MEDIA_TYPE_LENGTH} characters`);
  }
  const annotations = readAnnotations(document.annotations, 'annotations');
  // Docker's manifests know no subject: one in them is a field like any other.
  const hasSubject =
    document.subject !== undefined && document.subject !== null && !isDockerManifest(mediaType);
  return {
    artifactType: artifactType === '' ? undefined : artifactType,
    annotations,
    subject: hasSubject ? readDescriptor(document.subject, 'subject') : undefined,
  };
}

/** Go's encoders write an empty list as null. */
function readList(document: JsonObject, name: string, limit: number): readonly Descriptor[] {
  const list = document[name];
  if (list === null) return [];
  if (!Array.isArray(list)) throw invalid(`${name} is not a list`);
  if (list.length > limit) throw invalid(`${name} has more than ${limit} entries`);
  return list.map((item: unknown, index) => readDescriptor(item, `${name}[${index}]`));
}

function readDescriptor(value: unknown, where: string): Descriptor {
  if (!isObject(value)) throw invalid(`${where} is not a descriptor`);
  const { mediaType, digest: text, size, artifactType, platform } = value;
  if (typeof mediaType !== 'string' || mediaType === '' || mediaType.length > MAX_MEDIA_TYPE_LENGTH) {
    throw invalid(`${where}.mediaType is not a text of 1 to ${MAX_MEDIA_TYPE_LENGTH} characters`);
  }
  const digest = typeof text === 'string' ? tryParseDigest(text) : undefined;
  if (digest === undefined) throw invalid(`${where}.digest is not a sha256 or sha512 digest`);
  if (typeof size !== 'number' || !Number.isSafeInteger(size) || size < 0) {
    throw invalid(`${where}.size is not a whole number of bytes`);
  }
  const annotations = readAnnotations(value.annotations, `${where}.annotations`);
  return {
    mediaType,
    digest,
    size,
    ...(typeof artifactType === 'string' && artifactType !== '' ? { artifactType } : {}),
    ...(annotations === undefined ? {} : { annotations }),
    ...(isTextList(value.urls, `${where}.urls`) ? { urls: value.urls } : {}),
    ...(isObject(platform) ? { platform } : {}),
  };
}

function readAnnotations(value: unknown, where: string): Readonly<Record<string, string>> | undefined {
  if (value === undefined || value === null) return undefined;
  if (!isObject(value)) throw invalid(`${where} is not an object`);
  for (const [key, text] of Object.entries(value)) {
    if (typeof text !== 'string') throw invalid(`${where}[${show(key)}] is not a text`);
  }
  // Every value was just seen to be a string.
  return value as Readonly<Record<string, string>>;
}

function isTextList(value: unknown, where: string): value is readonly string[] {
  if (value === undefined || value === null) return false;
  if (!Array.isArray(value) || !value.every((item) => typeof item === 'string')) {
    throw invalid(`${where} is not a list of texts`);
  }
  return true;
}

function note(into: Map<Digest, number>, { digest, size }: Descriptor, where: string): void {
  const before = into.get(digest);
  if (before !== undefined && before !== size) throw invalid(`${where}: ${digest} is named with two sizes`);
  into.set(digest, size);
}

function isForeign(layer: Descriptor): boolean {
  return (
    (layer.urls !== undefined && layer.urls.length > 0) ||
    FOREIGN_LAYERS.some((start) => layer.mediaType.startsWith(start))
  );
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function show(value: unknown): string {
  return (JSON.stringify(value) ?? 'undefined').slice(0, 120);
}

export function invalid(message: string): StoreError {
  return new StoreError('manifest-invalid', message);
}
