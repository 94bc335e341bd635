import { S3Error } from '../errors.ts';
import type { S3Query } from '../query.ts';
import { invalidArgument } from './invalid-argument.ts';

export const MAX_PART_NUMBER = 10_000;

/** `?partNumber`, or undefined without one. Throws InvalidArgument. */
export function partNumberOfQuery(query: S3Query): number | undefined {
  const text = query.get('partNumber');
  if (text === undefined) return undefined;
  const number = /^\d{1,5}$/.test(text) ? Number(text) : 0;
  if (number >= 1 && number <= MAX_PART_NUMBER) return number;
  throw invalidArgument('partNumber', text, 'Part number must be an integer between 1 and 10000, inclusive.');
}

export function noSuchPart(partNumber: number, partsCount: number): S3Error {
  return new S3Error('InvalidPartNumber', 'The requested partnumber is not satisfiable', {
    fields: { ActualPartCount: String(partsCount), PartNumberRequested: String(partNumber) },
  });
}
