import type { RequestHead } from '../../../http/protocol.ts';
import { headerOf } from '../auth/header-of.ts';
import { S3Error } from '../errors.ts';

const SHAPE = /^[A-Za-z0-9+/]{22}==$/;

/** `Content-MD5` as lower-case hex; undefined without one. Throws InvalidDigest. */
export function contentMd5(head: Pick<RequestHead, 'headers'>): string | undefined {
  const text = headerOf(head, 'content-md5');
  if (text === undefined) return undefined;
  if (!SHAPE.test(text)) {
    throw new S3Error('InvalidDigest', 'The Content-MD5 you specified is not valid.', {
      fields: { 'Content-MD5': text.slice(0, 256) },
    });
  }
  return Buffer.from(text, 'base64').toString('hex');
}

/** Throws BadDigest. Both in hex. */
export function assertMd5(expected: string | undefined, calculated: string): void {
  if (expected === undefined || expected === calculated) return;
  throw new S3Error('BadDigest', 'The Content-MD5 you specified did not match what we received.', {
    fields: {
      ExpectedDigest: expected,
      CalculatedDigest: Buffer.from(calculated, 'hex').toString('base64'),
    },
  });
}
