import type { Digest } from '@zot-artifact-store/spec';
import { manifestKind, type ParsedManifest } from '../registry/manifest-parser.ts';

export interface NamedBlob {
  readonly digest: Digest;
  readonly sizeBytes: number;
  /** Layers that come from elsewhere, and what an index names that is no manifest. */
  readonly mayBeMissing: boolean;
}

/** The blobs a manifest names. Manifests that an index names are not among them. */
export function namedBlobs({ blobs, optional, children }: ParsedManifest): readonly NamedBlob[] {
  const manifests = new Set(children.filter(isManifest).map(({ digest }) => digest));
  return [
    ...[...blobs].map(([digest, sizeBytes]) => ({ digest, sizeBytes, mayBeMissing: false })),
    ...[...optional]
      .filter(([digest]) => !manifests.has(digest))
      .map(([digest, sizeBytes]) => ({ digest, sizeBytes, mayBeMissing: true })),
  ];
}

export function isManifest({ mediaType }: { readonly mediaType: string }): boolean {
  return manifestKind(mediaType) !== undefined;
}
