import { extensionKey } from '../../../extension/keyspace.ts';
import { decodeKey } from '../../../metadata/keys.ts';
import type { MetadataStore } from '../../../metadata/metadata-store.ts';
import { recordCodec } from '../../../metadata/record.ts';

/** What the metadata store knows of a stream, so that files cannot lose their end or beginning unnoticed. */
export interface KnownStream {
  /** The checkpoint of the last record that was surely on disk. */
  readonly head: string;
  /** The checkpoint before the first record that is kept; undefined while nothing was removed. */
  readonly keptAfter?: string | undefined;
}

const codec = recordCodec<KnownStream>('audit head', 1);
const MAX_STREAMS = 1000;

function keyOf(stream: string): Uint8Array {
  return extensionKey('audit', 'stream', stream);
}

export async function readKnown(metadata: MetadataStore, stream: string): Promise<KnownStream | undefined> {
  const row = await metadata.get(keyOf(stream));
  return row && codec.decode(row);
}

/** All streams there ever were, by name. */
export async function readAllKnown(metadata: MetadataStore): Promise<ReadonlyMap<string, KnownStream>> {
  const rows = await metadata.scan({ prefix: extensionKey('audit', 'stream') }, { limit: MAX_STREAMS });
  return new Map(rows.map(({ key, value }) => [String(decodeKey(key).at(-1)), codec.decode(value)]));
}

/** Durable when it resolves. Only the process that writes the stream calls it. */
export async function keepKnown(metadata: MetadataStore, stream: string, known: KnownStream): Promise<void> {
  await metadata.commit({ puts: [{ key: keyOf(stream), value: codec.encode(known) }], mayUseReserve: true });
}
