import { Packr } from 'msgpackr';

/**
 * Values are MessagePack arrays `[schemaVersion, record]`; a reader refuses a version it does not know, so a newer
 * store is never misread by an older server.
 */
export interface RecordCodec<T> {
  encode(record: T): Uint8Array;
  decode(value: Uint8Array): T;
}

const packr = new Packr({ useRecords: false, encodeUndefinedAsNil: false });

/** `name` is for the error message; `version` is bumped when the shape changes, with an upgrade in `upgrade`. */
export function recordCodec<T>(
  name: string,
  version: number,
  upgrade: (old: unknown, oldVersion: number) => T | undefined = () => undefined,
): RecordCodec<T> {
  return {
    encode: (record) => packr.pack([version, record]),
    decode(value) {
      const decoded: unknown = packr.unpack(value);
      if (!Array.isArray(decoded)) throw new Error(`${name} record is not readable`);
      const [found, record] = decoded;
      // The codec wrote this value, so its version vouches for its shape.
      if (found === version) return record as T;
      const upgraded = typeof found === 'number' ? upgrade(record, found) : undefined;
      if (upgraded === undefined)
        throw new Error(`${name} record has version ${found}, this server knows ${version}`);
      return upgraded;
    },
  };
}
