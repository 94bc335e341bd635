import type { Ledger } from '../ledger.ts';
import { type Attempt, Register } from '../register.ts';
import type { Content } from './content.ts';
import type { UploadFact } from './upload-fact.ts';

/** A blob of a repository. One that no manifest holds may be collected once its time is over. */
export interface BlobFact {
  readonly repository: string;
  readonly digest: string;
  readonly sizeBytes: number;
  readonly isThere: Register<boolean>;
  keptUntilMs: number;
  /** Whether anybody ever asked to delete it. */
  wasDeleted: boolean;
}

/** A manifest of a repository, with its config and layers. */
export interface ImageFact {
  readonly repository: string;
  readonly manifest: Content;
  readonly subject: string | undefined;
  readonly isThere: Register<boolean>;
  readonly blobs: readonly BlobFact[];
  /** Those of `blobs` that were surely there when a push was acknowledged: as long as the image is there, they are. */
  held: Set<BlobFact>;
  /** How often a push of it was begun, and how many of them are under way. */
  pushes: number;
  openPushes: number;
  /** A delete under way, to which every tag belongs that is moved to this image meanwhile. */
  deleting: Attempt[] | undefined;
}

/** A tag holds the digest of a manifest, or none. */
export interface TagFact {
  readonly repository: string;
  readonly tag: string;
  readonly digest: Register<string | undefined>;
}

/** What a server of the distribution API has promised. */
export class OciModel {
  readonly ledger: Ledger;
  readonly repositories: readonly string[];
  readonly tags: readonly TagFact[];
  /** The gcDelay of the server. */
  readonly graceMs: number;
  readonly uploads = new Set<UploadFact>();
  readonly #blobs = new Map<string, BlobFact>();
  readonly #images = new Map<string, ImageFact>();

  constructor(options: {
    readonly ledger: Ledger;
    readonly repositories: readonly string[];
    readonly graceMs: number;
  }) {
    this.ledger = options.ledger;
    this.repositories = options.repositories;
    this.graceMs = options.graceMs;
    this.tags = options.repositories.flatMap((repository) =>
      ['latest', 'stable', 'v1'].map((tag) => ({
        repository,
        tag,
        digest: new Register<string | undefined>(`tag ${repository}:${tag}`, {
          ledger: options.ledger,
          initial: undefined,
        }),
      })),
    );
  }

  get blobs(): readonly BlobFact[] {
    return [...this.#blobs.values()];
  }

  get images(): readonly ImageFact[] {
    return [...this.#images.values()];
  }

  /** Those that may be there. */
  livingImages(repository?: string): readonly ImageFact[] {
    return this.images.filter(
      (image) =>
        (repository === undefined || image.repository === repository) && image.isThere.possible.has(true),
    );
  }

  tagsOf(repository: string): readonly TagFact[] {
    return this.tags.filter((tag) => tag.repository === repository);
  }

  blob(repository: string, { digest, bytes }: Content): BlobFact {
    const key = `${repository} ${digest}`;
    const found = this.#blobs.get(key);
    if (found !== undefined) return found;
    const isThere = new Register<boolean>(`blob ${repository}@${digest}`, {
      ledger: this.ledger,
      initial: false,
    });
    const fact: BlobFact = {
      repository,
      digest,
      sizeBytes: bytes.length,
      isThere,
      keptUntilMs: 0,
      wasDeleted: false,
    };
    this.#blobs.set(key, fact);
    return fact;
  }

  image(options: {
    readonly repository: string;
    readonly manifest: Content;
    readonly blobs: readonly BlobFact[];
    readonly subject: string | undefined;
  }): ImageFact {
    const { repository, manifest } = options;
    const key = `${repository} ${manifest.digest}`;
    const found = this.#images.get(key);
    if (found !== undefined) return found;
    const name = `manifest ${repository}@${manifest.digest}`;
    const isThere = new Register<boolean>(name, { ledger: this.ledger, initial: false });
    const fact: ImageFact = {
      ...options,
      isThere,
      held: new Set(),
      pushes: 0,
      openPushes: 0,
      deleting: undefined,
    };
    this.#images.set(key, fact);
    return fact;
  }

  /** Whether the collector may have taken the blob by now: nobody needs it, and its time is over. */
  mayBeCollected(blob: BlobFact): boolean {
    if (Date.now() < blob.keptUntilMs) return false;
    return !this.#isHeld(blob);
  }

  /** Only the newest that are gone are asked for again after each kill; the rest would make each round longer. */
  forgetOldest(keep: { readonly blobs: number; readonly images: number }): void {
    forget(this.#blobs, keep.blobs, (blob) => blob.isThere.isSurely(false) && !this.#isNamed(blob));
    forget(this.#images, keep.images, (image) => image.isThere.isSurely(false));
  }

  #isHeld(blob: BlobFact): boolean {
    return this.images.some((image) => image.held.has(blob) && image.isThere.isSurely(true));
  }

  #isNamed(blob: BlobFact): boolean {
    return this.images.some((image) => image.blobs.includes(blob));
  }
}

function forget<T>(facts: Map<string, T>, keep: number, isGone: (fact: T) => boolean): void {
  const gone = [...facts].filter(([, fact]) => isGone(fact));
  for (const [key] of gone.slice(0, Math.max(0, gone.length - keep))) facts.delete(key);
}
