import { expect, it } from 'vitest';
import { formatTable } from './table.ts';

it('lines up columns', () => {
  expect(
    formatTable([
      ['a', 'b'],
      ['long', 'c'],
    ]),
  ).toBe('a     b\nlong  c');
});

it('shows control characters instead of sending them to the terminal', () => {
  expect(formatTable([['a\u001b[2J\nb\u202e', '\u009bc']])).toBe('a\\u001b[2J\\u000ab\\u202e  \\u009bc');
});
