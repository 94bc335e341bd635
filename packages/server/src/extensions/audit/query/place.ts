import { StoreError } from '@zot-artifact-store/spec';
import { z } from 'zod';

/** A place between two records of a stream: a file, by the number of its first record, and an offset in it. */
export interface Place {
  readonly file: number;
  readonly offset: number;
}

export type Direction = 'newest' | 'oldest';

/** Where each stream is read on. A stream that is not named: for the oldest first, at its beginning. */
export interface Cursor {
  readonly first: Direction;
  readonly places: ReadonlyMap<string, Place>;
}

const wholeNumber = z.number().int().min(0);
const encoded = z.tuple([
  z.enum(['newest', 'oldest']),
  z.record(z.string(), z.tuple([wholeNumber, wholeNumber])),
]);

export function encodeCursor({ first, places }: Cursor): string {
  const pairs = [...places].map(([stream, { file, offset }]) => [stream, [file, offset]]);
  return Buffer.from(JSON.stringify([first, Object.fromEntries(pairs)])).toString('base64url');
}

/** Throws `argument-invalid` for what `encodeCursor` cannot have made. */
export function decodeCursor(text: string): Cursor {
  try {
    const [first, places] = encoded.parse(JSON.parse(Buffer.from(text, 'base64url').toString()));
    const pairs = Object.entries(places).map(([stream, [file, offset]]): [string, Place] => [
      stream,
      { file, offset },
    ]);
    return { first, places: new Map(pairs) };
  } catch (cause) {
    throw new StoreError('argument-invalid', 'after is not what a page of the audit trail gave as next', {
      cause,
    });
  }
}
