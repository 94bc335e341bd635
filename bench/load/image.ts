import { createHash, type Hash, randomBytes, randomFillSync } from 'node:crypto';

export interface ImageBlob {
  readonly digest: string;
  readonly sizeBytes: number;
}

/** An image in a registry, as far as a pull needs to know it. */
export interface ImageReference {
  readonly repository: string;
  readonly tag: string;
  readonly manifest: string;
  readonly manifestDigest: string;
  readonly config: ImageBlob;
  readonly layer: ImageBlob;
}

/** An image that was never pushed before, with its bytes. */
export interface NewImage extends ImageReference {
  readonly configBytes: Buffer;
  layerPieces(pieceBytes: number): Generator<Buffer>;
}

export const MANIFEST_TYPE = 'application/vnd.oci.image.manifest.v1+json';
const CONFIG_TYPE = 'application/vnd.oci.image.config.v1+json';
const LAYER_TYPE = 'application/vnd.oci.image.layer.v1.tar';
const UNIQUE_BYTES = 32;

/**
 * Makes images of one layer, a config and a manifest. Layers are random and thus incompressible; of one size they
 * differ in their last bytes only, so that the hash of all that comes before is computed once and making one costs
 * nothing while a server is measured.
 */
export class ImageFactory {
  #noise: Buffer = Buffer.alloc(0);
  readonly #states = new Map<number, Hash>();

  create(repository: string, sizeBytes: number): NewImage {
    if (sizeBytes < UNIQUE_BYTES) throw new RangeError(`a layer has ${UNIQUE_BYTES} bytes at least`);
    const unique = randomBytes(UNIQUE_BYTES);
    const shared = this.#shared(sizeBytes - UNIQUE_BYTES);
    const layer = { digest: `sha256:${shared.state.copy().update(unique).digest('hex')}`, sizeBytes };
    const configBytes = Buffer.from(
      JSON.stringify({
        architecture: 'amd64',
        os: 'linux',
        config: {},
        rootfs: { type: 'layers', diff_ids: [layer.digest] },
      }),
    );
    const config = { digest: digestOf(configBytes), sizeBytes: configBytes.length };
    const manifest = JSON.stringify({
      schemaVersion: 2,
      mediaType: MANIFEST_TYPE,
      config: { mediaType: CONFIG_TYPE, digest: config.digest, size: config.sizeBytes },
      layers: [{ mediaType: LAYER_TYPE, digest: layer.digest, size: sizeBytes }],
    });
    return {
      repository,
      tag: 'latest',
      manifest,
      manifestDigest: digestOf(manifest),
      config,
      layer,
      configBytes,
      *layerPieces(pieceBytes) {
        for (let at = 0; at < shared.bytes.length; at += pieceBytes) {
          yield shared.bytes.subarray(at, at + pieceBytes);
        }
        yield unique;
      },
    };
  }

  #shared(length: number): { readonly bytes: Buffer; readonly state: Hash } {
    if (this.#noise.length < length) {
      const longer = Buffer.allocUnsafeSlow(length);
      // The beginning stays, so the states computed before stay right.
      this.#noise.copy(longer);
      fillWithNoise(longer.subarray(this.#noise.length));
      this.#noise = longer;
    }
    const bytes = this.#noise.subarray(0, length);
    let state = this.#states.get(length);
    if (state === undefined) {
      state = createHash('sha256').update(bytes);
      this.#states.set(length, state);
    }
    return { bytes, state };
  }
}

/** A manifest that refers to the one of `image`, different for every `index`. */
export function referrerOf(image: ImageReference, index: number): string {
  return JSON.stringify({
    schemaVersion: 2,
    mediaType: MANIFEST_TYPE,
    artifactType: 'application/vnd.example.signature.v1',
    config: { mediaType: CONFIG_TYPE, digest: image.config.digest, size: image.config.sizeBytes },
    layers: [{ mediaType: LAYER_TYPE, digest: image.layer.digest, size: image.layer.sizeBytes }],
    subject: {
      mediaType: MANIFEST_TYPE,
      digest: image.manifestDigest,
      size: Buffer.byteLength(image.manifest),
    },
    annotations: { 'org.example.index': String(index) },
  });
}

/** A manifest of the same config and layer, different for every `index`. */
export function variantOf({ manifest }: ImageReference, index: number): string {
  return `${manifest.slice(0, -1)},"annotations":{"org.example.index":"${index}"}}`;
}

export function digestOf(bytes: string | Buffer): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}

function fillWithNoise(bytes: Buffer): void {
  const step = 1 << 30;
  for (let at = 0; at < bytes.length; at += step) randomFillSync(bytes.subarray(at, at + step));
}
