import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { copyFile, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { MediaType } from '@zot-artifact-store/spec';

export interface BuiltLayout {
  /** An OCI image layout folder. */
  readonly folder: string;
  readonly indexDigest: string;
  readonly manifestDigests: readonly string[];
  readonly layerDigests: readonly string[];
}

/**
 * An OCI image layout with a two-platform image made of real files of this machine: one layer that both platforms
 * share, and one of its own for each.
 */
export async function buildLayout(parent: string, tag: string): Promise<BuiltLayout> {
  const folder = await mkdtemp(join(parent, 'layout-'));
  await mkdir(join(folder, 'blobs/sha256'), { recursive: true });
  const put = async (bytes: Uint8Array) => {
    const hex = createHash('sha256').update(bytes).digest('hex');
    await writeFile(join(folder, 'blobs/sha256', hex), bytes);
    return { digest: `sha256:${hex}`, size: bytes.length };
  };
  const layer = async (files: readonly string[]) => {
    const root = await mkdtemp(join(parent, 'root-'));
    await mkdir(join(root, 'bin'));
    for (const file of files) await copyFile(file, join(root, 'bin', file.split('/').at(-1) ?? file));
    const tar = execFileSync('tar', ['--sort=name', '--mtime=@0', '-C', root, '-c', '.'], {
      maxBuffer: 1 << 28,
    });
    await rm(root, { recursive: true });
    const diffId = `sha256:${createHash('sha256').update(tar).digest('hex')}`;
    return { diffId, descriptor: { mediaType: `${MediaType.layer}+gzip`, ...(await put(gzipSync(tar))) } };
  };
  const shared = await layer(['/bin/sh', '/bin/ls']);
  const manifests: {
    mediaType: string;
    digest: string;
    size: number;
    platform: { os: string; architecture: string };
  }[] = [];
  const layerDigests = [shared.descriptor.digest];
  for (const [architecture, file] of [
    ['amd64', '/bin/cat'],
    ['arm64', '/bin/echo'],
  ] as const) {
    const own = await layer([file]);
    layerDigests.push(own.descriptor.digest);
    const config = await put(
      json({
        architecture,
        os: 'linux',
        config: { Cmd: ['/bin/sh'] },
        rootfs: { type: 'layers', diff_ids: [shared.diffId, own.diffId] },
      }),
    );
    const manifest = await put(
      json({
        schemaVersion: 2,
        mediaType: MediaType.imageManifest,
        config: { mediaType: MediaType.imageConfig, ...config },
        layers: [shared.descriptor, own.descriptor],
      }),
    );
    manifests.push({
      mediaType: MediaType.imageManifest,
      ...manifest,
      platform: { os: 'linux', architecture },
    });
  }
  const index = await put(json({ schemaVersion: 2, mediaType: MediaType.imageIndex, manifests }));
  await writeFile(join(folder, 'oci-layout'), json({ imageLayoutVersion: '1.0.0' }));
  await writeFile(
    join(folder, 'index.json'),
    json({
      schemaVersion: 2,
      mediaType: MediaType.imageIndex,
      manifests: [
        {
          mediaType: MediaType.imageIndex,
          ...index,
          annotations: { 'org.opencontainers.image.ref.name': tag },
        },
      ],
    }),
  );
  return {
    folder,
    indexDigest: index.digest,
    manifestDigests: manifests.map((manifest) => manifest.digest),
    layerDigests,
  };
}

function json(value: unknown): Buffer {
  return Buffer.from(JSON.stringify(value));
}
