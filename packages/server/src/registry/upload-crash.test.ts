import { alice, digestOf, once, RegistryBench, textOf } from '@zot-artifact-store/testkit/registry-bench.ts';
import { describe, expect, it } from 'vitest';

const principal = alice;
const large = (letter: string) => letter.repeat(5_000);
const never = new Promise<never>(() => {});

/** A worker that stands still for good at its call number `calls`, before or after the call has its effect. */
function dyingWorker(bench: RegistryBench, death: { readonly atCall: number; readonly hasEffect: boolean }) {
  const died = Promise.withResolvers<void>();
  let calls = 0;
  const registry = bench.worker(async (_call, work) => {
    calls += 1;
    if (calls < death.atCall) return work();
    if (calls === death.atCall && death.hasEffect) await work();
    died.resolve();
    return never;
  });
  return { registry, died: died.promise };
}

describe('a worker that dies while it finishes an upload', () => {
  it.each([
    ['small', ['small'], ''],
    ['one large chunk', [large('a')], ''],
    ['one large chunk and a small one', [large('a'), 'b'], ''],
    ['large chunks', [large('a'), large('b')], ''],
    ['a large chunk and a large last one', [large('a')], large('b')],
  ])('leaves a session that another finishes at once: %s', async (_name, chunks, last) => {
    const whole = [...chunks, last].join('');
    const options = { digest: digestOf(whole), principal };
    const source = () => (last === '' ? {} : { source: once(last) });
    for (const hasEffect of [false, true]) {
      for (let atCall = 1; ; atCall++) {
        const bench = new RegistryBench();
        const { uploads, blobs } = bench.registry;
        const { id } = await uploads.start(bench.repository, { principal });
        for (const chunk of chunks) await uploads.append(bench.repository, id, once(chunk), { principal });
        const dying = dyingWorker(bench, { atCall, hasEffect });
        const finished = dying.registry.uploads.finish(bench.repository, id, { ...options, ...source() });
        const outcome = await Promise.race([finished.then(() => 'finished'), dying.died.then(() => 'died')]);
        await uploads.finish(bench.repository, id, { ...options, ...source() }).catch((error: unknown) => {
          // The dead one had come to its end, without a chance to say so.
          expect(error).toMatchObject({ kind: 'upload-unknown' });
        });
        const found = await textOf(await blobs.read(bench.repository, digestOf(whole)));
        expect(found === whole).toBe(true);
        const problems = (await bench.problems()).filter((problem) => !problem.startsWith('object-orphan'));
        expect(problems).toEqual([]);
        await bench.close();
        if (outcome === 'finished') break;
      }
    }
  });
});
