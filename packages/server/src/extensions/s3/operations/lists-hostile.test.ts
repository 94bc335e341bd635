import { S3Bench } from '@zot-artifact-store/testkit/s3-bench.ts';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { makeToken } from '../listing/continuation-token.ts';

let bench: S3Bench;
beforeEach(async () => {
  bench = new S3Bench();
  await bench.metadata.open();
  await bench.createBucket();
});
afterEach(() => bench.close());

const LONG = 'a'.repeat(5_000);

describe('a list', () => {
  it.each([
    '/bucket?prefix=',
    '/bucket?marker=',
    '/bucket?list-type=2&prefix=',
    '/bucket?list-type=2&start-after=',
    '/bucket?versions&prefix=',
    '/bucket?versions&key-marker=',
    '/bucket?uploads&prefix=',
    '/bucket?uploads&key-marker=',
    '/?prefix=',
  ])('%s begins nowhere that no key can be', async (target) => {
    expect((await bench.send(target + LONG)).code).toBe('KeyTooLongError');
    expect((await bench.send(target + '%00'.repeat(1_024))).code).toBe('InvalidURI');
    expect((await bench.send(target + 'a'.repeat(1_024))).status).toBe(200);
  });

  it.each(['/bucket?list-type=2&continuation-token=', '/?continuation-token='])(
    '%s goes on from no forged token',
    async (target) => {
      for (const after of [LONG, '\0'.repeat(1_024)]) {
        expect((await bench.send(target + makeToken(after))).code).toBe('InvalidArgument');
      }
    },
  );

  it('takes a delimiter of any length', async () => {
    expect((await bench.send(`/bucket?delimiter=${LONG}`)).status).toBe(200);
  });
});
