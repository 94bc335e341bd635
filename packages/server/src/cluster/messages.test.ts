import { StoreError } from '@zot-artifact-store/spec';
import { describe, expect, it } from 'vitest';
import { fromPlainError, toPlainError } from './messages.ts';

const travel = (error: unknown) => fromPlainError(JSON.parse(JSON.stringify(toPlainError(error))));

describe('an error on its way from a worker to the main process', () => {
  it('stays a StoreError of its kind', () => {
    const error = travel(new StoreError('unavailable', 'the folder is in use'));
    expect(error).toBeInstanceOf(StoreError);
    expect(error).toMatchObject({ kind: 'unavailable', message: 'the folder is in use' });
  });

  it('keeps its list of problems', () => {
    expect(travel(Object.assign(new Error('two'), { problems: ['one', 'other'] }))).toMatchObject({
      problems: ['one', 'other'],
    });
  });

  it('keeps what the system said of the address, as an error of listening', () => {
    const given = { code: 'EADDRINUSE', syscall: 'bind', address: '127.0.0.1', port: 80, errno: -98 };
    expect(travel(Object.assign(new Error('bind EADDRINUSE'), given))).toMatchObject({
      code: 'EADDRINUSE',
      syscall: 'listen',
      address: '127.0.0.1',
      port: 80,
    });
  });

  it('is an error also when something else was thrown', () => {
    expect(travel('a string')).toMatchObject({ message: 'a string' });
  });
});
