import { replyText } from '@zot-artifact-store/testkit/oci-run.ts';
import { requestHead } from '@zot-artifact-store/testkit/request-head.ts';
import { pino } from 'pino';
import { describe, expect, it } from 'vitest';
import type { Reply } from '../../http/protocol.ts';
import { S3Error } from './errors.ts';
import { replyInTime } from './late-reply.ts';
import { xmlReply } from './reply.ts';

const context = {
  head: requestHead({ method: 'PUT', target: '/bucket/key' }),
  log: pino({ level: 'silent' }),
};
const SOON = { firstMs: 1, everyMs: 1 };
const LATER = { firstMs: 60_000, everyMs: 60_000 };
const done = xmlReply('CopyObjectResult', { ETag: '"e"' }, { 'x-amz-version-id': 'v' });
const failure = new S3Error('NoSuchKey', 'The specified key does not exist.');

/** Work that ends when the reply has begun and some of it was read. */
async function late(outcome: () => Reply): Promise<{ readonly reply: Reply; readonly text: string }> {
  const begun = Promise.withResolvers<void>();
  const reply = await replyInTime(() => begun.promise.then(outcome), context, SOON);
  if (typeof reply.body !== 'object' || !('stream' in reply.body)) throw new Error('it has not begun');
  const { stream } = reply.body;
  let text = '';
  for await (const piece of stream) {
    text += Buffer.from(piece).toString();
    if (text.endsWith('  ')) begun.resolve();
  }
  return { reply, text };
}

describe('a reply that may be late', () => {
  it('is as any other while it is in time', async () => {
    expect(await replyInTime(async () => done, context, LATER)).toBe(done);
    await expect(replyInTime(() => Promise.reject(failure), context, LATER)).rejects.toBe(failure);
  });

  it('begins before it is known, and is a well-formed document in the end', async () => {
    const { reply, text } = await late(() => done);
    expect([reply.status, reply.headers['content-type']]).toEqual([200, 'application/xml']);
    expect(text.replace(/\n +</, '\n<')).toBe(await replyText(done));
    expect(text).toMatch(/^<\?xml [^>]*>\n {2,}<CopyObjectResult/);
  });

  it('tells what failed inside the 200', async () => {
    const thrown = (error: unknown) => () => {
      throw error;
    };
    const { reply, text } = await late(thrown(failure));
    expect(reply.status).toBe(200);
    expect(text).toMatch(/^<\?xml [^>]*>\n {2,}<Error><Code>NoSuchKey<\/Code>.*<\/Error>$/);
    const bug = await late(thrown(new Error('what nobody may read')));
    expect(bug.text).toContain('<Code>InternalError</Code>');
    expect(bug.text).not.toContain('what nobody may read');
  });
});
