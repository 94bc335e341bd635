import type { MetadataStore } from '../../../metadata/metadata-store.ts';
import { recordCodec } from '../../../metadata/record.ts';
import { s3Keys } from '../store/keyspace.ts';

const codec = recordCodec<{ readonly atMs: number }>('session revocation', 1);

/** Whose temporary credentials ended before their time. There is no list of them: they count by when they were made. */
export class Revocations {
  readonly #metadata: MetadataStore;
  readonly #clock: { now(): number };

  constructor({ metadata, clock }: { readonly metadata: MetadataStore; readonly clock: { now(): number } }) {
    this.#metadata = metadata;
    this.#clock = clock;
  }

  /** All that the user has now, durably. */
  async revokeUser(user: string): Promise<void> {
    await this.#write(s3Keys.sessionsOfUser(user));
  }

  /** All that were made with the access key. */
  async revokeKey(accessKeyId: string): Promise<void> {
    await this.#write(s3Keys.sessionsOfKey(accessKeyId));
  }

  async isRevoked(session: {
    readonly user: string;
    readonly madeWith: string | undefined;
    readonly madeAtMs: number;
  }): Promise<boolean> {
    const { user, madeWith, madeAtMs } = session;
    const rows = await this.#metadata.getMany([
      s3Keys.sessionsOfUser(user),
      ...(madeWith === undefined ? [] : [s3Keys.sessionsOfKey(madeWith)]),
    ]);
    return rows.some((row) => row !== undefined && madeAtMs <= codec.decode(row).atMs);
  }

  async #write(key: Uint8Array): Promise<void> {
    const value = codec.encode({ atMs: this.#clock.now() });
    await this.#metadata.commit({ puts: [{ key, value }], mayUseReserve: true });
  }
}
