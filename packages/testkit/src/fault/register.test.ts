import { beforeEach, describe, expect, it } from 'vitest';
import { Ledger } from './ledger.ts';
import { Register } from './register.ts';
import { Violation } from './violation.ts';

let register: Register<string>;
const possible = () => [...register.possible].sort();

beforeEach(() => {
  register = new Register('a tag', { ledger: new Ledger(), initial: 'none' });
});

describe('what a name may hold', () => {
  it('is what was acknowledged last', () => {
    register.attempt('a').acknowledge();
    register.attempt('b').acknowledge();
    expect(possible()).toEqual(['b']);
    expect(register.isSurely('b')).toBe(true);
    expect(() => register.settle('a')).toThrow(Violation);
  });

  it('is either when two changes overlapped, whichever was answered first', () => {
    const first = register.attempt('a');
    const second = register.attempt('b');
    second.acknowledge();
    first.acknowledge();
    expect(possible()).toEqual(['a', 'b']);
    register.settle('a');
    expect(possible()).toEqual(['a']);
  });

  it('may be what got no answer, until a later change is acknowledged', () => {
    register.attempt('a').acknowledge();
    register.attempt('b').lose();
    expect(possible()).toEqual(['a', 'b']);
    register.attempt('c').acknowledge();
    expect(possible()).toEqual(['c']);
  });

  it('is not what was refused', () => {
    register.attempt('a').refuse();
    expect(possible()).toEqual(['none']);
  });

  it('stays another value when a change was for one value only', () => {
    register.attempt('a').acknowledge();
    register.attempt('b').lose();
    register.attempt('none', { onlyIf: 'a' }).acknowledge();
    expect(possible()).toEqual(['b', 'none']);
  });

  it('may have been anything that was asked for while somebody read', () => {
    register.attempt('a').acknowledge();
    const watch = register.watch();
    register.attempt('b').acknowledge();
    register.attempt('c').acknowledge();
    expect([...watch.end()].sort()).toEqual(['a', 'b', 'c']);
    register.attempt('d').acknowledge();
    expect([...watch.end()].sort()).toEqual(['a', 'b', 'c']);
  });
});
