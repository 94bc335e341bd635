import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  type Digest,
  type DigestAlgorithm,
  digestAlgorithm,
  digestHex,
  MediaType,
} from '@zot-artifact-store/spec';
import { digestOf, imageManifest, json } from './registry-bench.ts';

export interface LayoutDescriptor {
  readonly mediaType: string;
  readonly digest: Digest;
  readonly size: number;
}

const REF_NAME = 'org.opencontainers.image.ref.name';

/** Writes an OCI image layout as other programs do, whole or wrong. `save` writes its index.json. */
export class LayoutBuilder {
  readonly folder: string;
  /** What index.json lists; a test may put anything there. */
  readonly entries: unknown[] = [];

  constructor(folder: string) {
    this.folder = folder;
  }

  path(digest: Digest): string {
    return join(this.folder, 'blobs', digestAlgorithm(digest), digestHex(digest));
  }

  /** `bytes` are what the file holds when that is not what its digest says. */
  async blob(
    content: string | Uint8Array,
    options: { readonly bytes?: string | Uint8Array; readonly algorithm?: DigestAlgorithm } = {},
  ): Promise<Digest> {
    const digest = digestOf(content, options.algorithm);
    await mkdir(join(this.folder, 'blobs', digestAlgorithm(digest)), { recursive: true });
    await writeFile(this.path(digest), options.bytes ?? content);
    return digest;
  }

  async manifest(
    document: Readonly<Record<string, unknown>> & { readonly mediaType: string },
    options: { readonly algorithm?: DigestAlgorithm } = {},
  ): Promise<LayoutDescriptor> {
    const bytes = json(document);
    return { mediaType: document.mediaType, digest: await this.blob(bytes, options), size: bytes.length };
  }

  /** An image with a config and one layer of its own, not listed yet. */
  async image(name: string, extra: object = {}): Promise<LayoutDescriptor> {
    const [config, layer] = [`{"image":"${name}"}`, layerOf(name)];
    await this.blob(config);
    await this.blob(layer);
    return this.manifest(imageManifest(config, [layer], extra));
  }

  list(descriptor: LayoutDescriptor, refName?: string): void {
    const annotations = refName === undefined ? {} : { annotations: { [REF_NAME]: refName } };
    this.entries.push({ ...descriptor, ...annotations });
  }

  async save(): Promise<void> {
    await mkdir(join(this.folder, 'blobs', 'sha256'), { recursive: true });
    await writeFile(join(this.folder, 'oci-layout'), json({ imageLayoutVersion: '1.0.0' }));
    const index = { schemaVersion: 2, mediaType: MediaType.imageIndex, manifests: this.entries };
    await writeFile(join(this.folder, 'index.json'), json(index));
  }
}

/** The layer of an image from `image`: too long to be kept in a record. */
export function layerOf(name: string): string {
  return `layer of ${name} `.repeat(500);
}
