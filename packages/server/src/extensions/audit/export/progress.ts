import { extensionKey } from '../../../extension/keyspace.ts';
import { decodeKey } from '../../../metadata/keys.ts';
import type { MetadataStore } from '../../../metadata/metadata-store.ts';
import { recordCodec } from '../../../metadata/record.ts';
import type { Place } from '../query/place.ts';

/** Since when an export gets no further, and why. */
export interface Trouble {
  readonly sinceMs: number;
  readonly message: string;
}

const placeCodec = recordCodec<Place>('audit export', 1);
const troubleCodec = recordCodec<Trouble>('audit export trouble', 1);
const MAX_STREAMS = 1000;

const placeKey = (name: string, stream: string): Uint8Array => extensionKey('audit', 'export', name, stream);
const troubleKey = (name: string): Uint8Array => extensionKey('audit', 'export-trouble', name);

/** How far an export has come in each stream. */
export async function readPlaces(metadata: MetadataStore, name: string): Promise<Map<string, Place>> {
  const rows = await metadata.scan({ prefix: extensionKey('audit', 'export', name) }, { limit: MAX_STREAMS });
  return new Map(rows.map(({ key, value }) => [String(decodeKey(key).at(-1)), placeCodec.decode(value)]));
}

export async function keepPlace(
  metadata: MetadataStore,
  { name, stream, place }: { readonly name: string; readonly stream: string; readonly place: Place },
): Promise<void> {
  await metadata.commit({
    puts: [{ key: placeKey(name, stream), value: placeCodec.encode(place) }],
    mayUseReserve: true,
  });
}

export async function readTrouble(metadata: MetadataStore, name: string): Promise<Trouble | undefined> {
  const row = await metadata.get(troubleKey(name));
  return row && troubleCodec.decode(row);
}

export async function keepTrouble(
  metadata: MetadataStore,
  name: string,
  trouble: Trouble | undefined,
): Promise<void> {
  const key = troubleKey(name);
  if (trouble === undefined) await metadata.commit({ deletes: [key] });
  else await metadata.commit({ puts: [{ key, value: troubleCodec.encode(trouble) }] });
}
