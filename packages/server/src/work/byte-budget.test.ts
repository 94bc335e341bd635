import { describe, expect, it } from 'vitest';
import { ByteBudget } from './byte-budget.ts';

const never = new AbortController().signal;

describe('ByteBudget', () => {
  it('refuses what does not fit now', () => {
    const budget = new ByteBudget(10);
    expect(budget.tryTake(6)).toBe(true);
    expect(budget.tryTake(5)).toBe(false);
    expect(budget.tryTake(4)).toBe(true);
    budget.give(6);
    expect(budget.tryTake(5)).toBe(true);
    expect(budget.usedBytes).toBe(9);
  });

  it('serves in order, so that small requests do not starve a large one', async () => {
    const budget = new ByteBudget(10);
    await budget.take(8, never);
    const order: string[] = [];
    const large = budget.take(10, never).then(() => order.push('large'));
    const small = budget.take(1, never).then(() => order.push('small'));
    expect(budget.tryTake(1)).toBe(false);
    budget.give(8);
    await large;
    budget.give(10);
    await small;
    expect(order).toEqual(['large', 'small']);
    expect(budget.usedBytes).toBe(1);
  });

  it('lets a request above the whole budget run alone', async () => {
    const budget = new ByteBudget(10);
    await budget.take(1_000, never);
    expect(budget.tryTake(1)).toBe(false);
    budget.give(1_000);
    expect(budget.usedBytes).toBe(0);
  });

  it('takes nothing for who leaves, and serves those behind it', async () => {
    const budget = new ByteBudget(10);
    await budget.take(5, never);
    const leaving = new AbortController();
    const large = budget.take(8, leaving.signal);
    const small = budget.take(2, never);
    leaving.abort(new Error('gone'));
    await expect(large).rejects.toThrow('gone');
    await small;
    expect(budget.usedBytes).toBe(7);
    await expect(budget.take(1, AbortSignal.abort(new Error('late')))).rejects.toThrow('late');
  });
});
