import { describe, expect, it } from 'vitest';
import { DecodedRows } from './decoded-rows.ts';

function counted() {
  let decoded = 0;
  const rows = new DecodedRows((raw) => {
    decoded += 1;
    return { text: Buffer.from(raw).toString() };
  });
  return { rows, count: () => decoded };
}

describe('DecodedRows', () => {
  it('decodes equal bytes of a name once', () => {
    const { rows, count } = counted();
    const first = rows.of('a', Buffer.from('one'));
    expect(rows.of('a', Buffer.from('one'))).toBe(first);
    expect(count()).toBe(1);
  });

  it('never gives what other bytes, or the bytes of another name, decode to', () => {
    const { rows } = counted();
    rows.of('a', Buffer.from('one'));
    expect(rows.of('a', Buffer.from('two')).text).toBe('two');
    expect(rows.of('a', Buffer.from('one')).text).toBe('one');
    expect(rows.of('b', Buffer.from('three')).text).toBe('three');
    expect(rows.of('a', Buffer.from('one')).text).toBe('one');
  });

  it('lets the oldest names go when there are too many', () => {
    const { rows, count } = counted();
    for (let i = 0; i <= 1_000; i++) rows.of(`n${i}`, Buffer.from('x'));
    rows.of('n1000', Buffer.from('x'));
    expect(count()).toBe(1_001);
    rows.of('n0', Buffer.from('x'));
    expect(count()).toBe(1_002);
  });
});
