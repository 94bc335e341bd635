import { parseDigest } from '@zot-artifact-store/spec';
import { runOci } from '@zot-artifact-store/testkit/oci-run.ts';
import { describe, expect, it } from 'vitest';
import type { Blobs } from '../../registry/registry.ts';

const DIGEST = parseDigest(`sha512:${'1'.repeat(128)}`);

async function mount(query: string, has: readonly string[], readable: readonly string[] = has) {
  const started: unknown[] = [];
  const blobs: Pick<Blobs, 'mount'> = {
    mount: async ({ from, mayRead }) => {
      if (from !== undefined) return has.includes(from);
      for (const name of has) {
        // The names are the test's own.
        if (await mayRead(name as Parameters<typeof mayRead>[0])) return true;
      }
      return false;
    },
  };
  const uploads = {
    start: async (_name: unknown, options: object) => {
      started.push(options);
      return { id: 'id-1', offsetBytes: 0 };
    },
  };
  const can = ({ action, resource }: { readonly action: string; readonly resource: string }) =>
    action === 'oci:Pull' && readable.includes(resource.replace('repository:', ''));
  const reply = await runOci(
    `/v2/a/blobs/uploads/?mount=${DIGEST}${query}`,
    { method: 'POST', can },
    { blobs, uploads },
  );
  return { reply, started };
}

describe('mounting a blob', () => {
  it.each(['&from=b', ''])('from a repository the client may read answers 201 with "%s"', async (query) => {
    const { reply } = await mount(query, ['b']);
    expect(reply).toEqual({
      status: 201,
      headers: { location: `/v2/a/blobs/${DIGEST}`, 'docker-content-digest': DIGEST },
    });
  });

  it.each([
    ['&from=b', [], []],
    ['', [], []],
    ['&from=b', ['b'], []],
    ['', ['b'], []],
    ['&from=c', ['b'], ['b', 'c']],
  ])('begins an upload with "%s" when %j has it and %j may be read', async (query, has, readable) => {
    const { reply, started } = await mount(query, has, readable);
    expect(reply.status).toBe(202);
    expect(reply.headers).toMatchObject({ location: '/v2/a/blobs/uploads/id-1', range: '0-0' });
    expect(started).toMatchObject([{ algorithm: 'sha512' }]);
  });
});
