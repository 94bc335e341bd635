import type { ImageReference } from '../load/image.ts';
import type { Task } from '../load/job.ts';
import type { SetUpStep, Workload } from '../workload.ts';

const REPOSITORIES = 100;
const TINY_LAYER_BYTES = 1024;

const READ_BOUNDS = {
  round: { operations: 1_000_000, ms: 4_000 },
  warmUp: { operations: 1_000_000, ms: 2_000 },
} as const;
const CONCURRENCY = 16;
const LISTING_CONCURRENCY = 4;

const manyImages: SetUpStep = {
  count: REPOSITORIES,
  task: () => ({ kind: 'push', mode: 'monolith', prefix: 'base/', sizeBytes: TINY_LAYER_BYTES }),
};
const oneImage: SetUpStep = { ...manyImages, count: 1 };

export const CATALOG: Workload = {
  ...READ_BOUNDS,
  name: 'Get Catalog',
  concurrency: LISTING_CONCURRENCY,
  setUp: [manyImages],
  mix: () => [{ share: 1, task: { kind: 'request', method: 'GET', paths: ['/v2/_catalog'] } }],
  aims: {},
};

/** What zb does not ask: single requests. */
export const SINGLE_READS: readonly Workload[] = [
  readOf('Manifest GET by tag', 'GET', ({ repository, tag }) => `/v2/${repository}/manifests/${tag}`),
  readOf(
    'Manifest GET by digest',
    'GET',
    ({ repository, manifestDigest }) => `/v2/${repository}/manifests/${manifestDigest}`,
  ),
  readOf('Manifest HEAD', 'HEAD', ({ repository, tag }) => `/v2/${repository}/manifests/${tag}`),
  readOf('Blob HEAD', 'HEAD', ({ repository, layer }) => `/v2/${repository}/blobs/${layer.digest}`),
];

/** Long lists. */
export function lists({
  tags,
  referrers,
}: {
  readonly tags: number;
  readonly referrers: number;
}): Workload[] {
  return [
    {
      ...READ_BOUNDS,
      name: `Tag list of ${tags}`,
      concurrency: LISTING_CONCURRENCY,
      setUp: [oneImage, { count: tags, task: ([image]) => ({ kind: 'tag', image: mustHave(image) }) }],
      mix: ({ images: [image] }) => listOf(`/v2/${mustHave(image).repository}/tags/list`),
      aims: {},
    },
    {
      ...READ_BOUNDS,
      name: `Referrers of ${referrers}`,
      concurrency: LISTING_CONCURRENCY,
      setUp: [oneImage, { count: referrers, task: ([image]) => ({ kind: 'refer', image: mustHave(image) }) }],
      mix: ({ images: [image] }) => {
        const { repository, manifestDigest } = mustHave(image);
        return listOf(`/v2/${repository}/referrers/${manifestDigest}`);
      },
      aims: {},
    },
  ];
}

function readOf(name: string, method: 'GET' | 'HEAD', path: (image: ImageReference) => string): Workload {
  const isManifest = name.startsWith('Manifest');
  return {
    ...READ_BOUNDS,
    name,
    concurrency: CONCURRENCY,
    setUp: [manyImages],
    mix: ({ images }) => [{ share: 1, task: { kind: 'request', method, paths: images.map(path) } }],
    aims: isManifest ? { 'docker-registry': 10, zot: 5 } : {},
  };
}

function listOf(path: string): { readonly share: number; readonly task: Task }[] {
  return [{ share: 1, task: { kind: 'list', path } }];
}

function mustHave(image: ImageReference | undefined): ImageReference {
  if (image === undefined) throw new Error('the set-up made no image');
  return image;
}
