import type { S3Query } from '../query.ts';
import { isOrder } from '../store/order.ts';
import { invalidArgument } from './invalid-argument.ts';

/** `?versionId`, or undefined without one. Throws InvalidArgument for what no version can have as its id. */
export function versionIdOfQuery(query: S3Query): string | undefined {
  const text = query.get('versionId');
  if (text === undefined) return undefined;
  assertVersionId(text);
  return text;
}

export function assertVersionId(text: string): void {
  if (text === 'null' || isOrder(text)) return;
  throw invalidArgument('versionId', text, 'Invalid version id specified');
}
