import { expect, it } from 'vitest';
import { KeyTurns } from './key-turns.ts';

const PLACE = { bucket: 'bucket', key: 'key' };

it('lets the writers of a key follow each other, also after one that fails', async () => {
  const turns = new KeyTurns();
  const steps: string[] = [];
  const gate = Promise.withResolvers<void>();
  const work = (name: string) =>
    turns.take(PLACE, async () => {
      steps.push(`${name} begins`);
      await gate.promise;
      steps.push(`${name} ends`);
      if (name === 'a') throw new Error('a failed');
      return name;
    });
  const all = Promise.allSettled(['a', 'b', 'c'].map(work));
  gate.resolve();
  expect(await all).toMatchObject([{ reason: new Error('a failed') }, { value: 'b' }, { value: 'c' }]);
  expect(steps).toEqual(['a begins', 'a ends', 'b begins', 'b ends', 'c begins', 'c ends']);
  expect(await work('d')).toBe('d');
});

it('does not make the writers of other keys wait', async () => {
  const turns = new KeyTurns();
  const gate = Promise.withResolvers<string>();
  const held = turns.take(PLACE, () => gate.promise);
  expect(await turns.take({ ...PLACE, key: 'other' }, async () => 'done')).toBe('done');
  gate.resolve('held');
  expect(await held).toBe('held');
});
