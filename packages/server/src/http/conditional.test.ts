import { isStoreError } from '@zot-artifact-store/spec';
import { describe, expect, it } from 'vitest';
import { evaluatePreconditions, isRangeApplicable } from './conditional.ts';

const NOON_MS = Date.UTC(2024, 4, 1, 12, 0, 0);
const NOON = 'Wed, 01 May 2024 12:00:00 GMT';
const BEFORE = 'Wed, 01 May 2024 11:59:59 GMT';
const current = { etag: '"a"', lastModifiedMs: NOON_MS + 500 };

function evaluate(
  headers: Record<string, string>,
  method = 'GET',
  state: typeof current | undefined = current,
) {
  return evaluatePreconditions({ method, headers }, state);
}

describe('If-Match', () => {
  it('goes on when a tag matches, the bare token of careless clients included', () => {
    expect(evaluate({ 'if-match': '"x", "a"' }, 'PUT')).toBe('proceed');
    expect(evaluate({ 'if-match': 'a' }, 'PUT')).toBe('proceed');
    expect(evaluate({ 'if-match': '*' }, 'PUT')).toBe('proceed');
  });

  it('fails when none matches, when only weakly, and when nothing is there', () => {
    expect(evaluate({ 'if-match': '"x"' })).toBe('precondition-failed');
    expect(evaluate({ 'if-match': 'W/"a"' })).toBe('precondition-failed');
    expect(evaluatePreconditions({ method: 'PUT', headers: { 'if-match': '*' } }, undefined)).toBe(
      'precondition-failed',
    );
  });

  it('comes before If-Unmodified-Since, which it replaces', () => {
    expect(evaluate({ 'if-match': '"a"', 'if-unmodified-since': BEFORE })).toBe('proceed');
  });
});

describe('If-None-Match', () => {
  it('is 304 for reads and 412 for writes when a tag matches, weakly too', () => {
    expect(evaluate({ 'if-none-match': 'W/"a"' })).toBe('not-modified');
    expect(evaluate({ 'if-none-match': '"b", "a"' }, 'HEAD')).toBe('not-modified');
    expect(evaluate({ 'if-none-match': '*' }, 'PUT')).toBe('precondition-failed');
  });

  it('goes on when nothing matches or nothing is there', () => {
    expect(evaluate({ 'if-none-match': '"b"' })).toBe('proceed');
    expect(evaluatePreconditions({ method: 'PUT', headers: { 'if-none-match': '*' } }, undefined)).toBe(
      'proceed',
    );
  });

  it('replaces If-Modified-Since', () => {
    expect(evaluate({ 'if-none-match': '"b"', 'if-modified-since': NOON })).toBe('proceed');
  });
});

describe('dates', () => {
  it('compares whole seconds', () => {
    expect(evaluate({ 'if-modified-since': NOON })).toBe('not-modified');
    expect(evaluate({ 'if-modified-since': BEFORE })).toBe('proceed');
    expect(evaluate({ 'if-unmodified-since': NOON })).toBe('proceed');
    expect(evaluate({ 'if-unmodified-since': BEFORE }, 'PUT')).toBe('precondition-failed');
  });

  it('reads the two obsolete forms', () => {
    expect(evaluate({ 'if-modified-since': 'Wednesday, 01-May-24 12:00:00 GMT' })).toBe('not-modified');
    expect(evaluate({ 'if-modified-since': 'Wed May  1 12:00:00 2024' })).toBe('not-modified');
  });

  it('ignores what is not a date, and If-Modified-Since on writes', () => {
    expect(evaluate({ 'if-modified-since': '2030-01-01' })).toBe('proceed');
    expect(evaluate({ 'if-unmodified-since': 'yesterday' })).toBe('proceed');
    expect(evaluate({ 'if-modified-since': NOON }, 'PUT')).toBe('proceed');
  });
});

it.each(['"a', 'a"', '"a" "b"', ',', '', '"a\u0001"', 'W/', 'W/"a'])('refuses the tag list %j', (list) => {
  const refuse = (): unknown => evaluate({ 'if-match': list }, 'PUT');
  // `W/` alone reads as a bare token, which matches nothing.
  if (list === 'W/') expect(refuse()).toBe('precondition-failed');
  else expect(refuse).toThrow(expect.toSatisfy((error) => isStoreError(error, 'argument-invalid')));
});

describe('If-Range', () => {
  it('lets the range through for the same strong tag or exactly the same second', () => {
    expect(isRangeApplicable({ headers: {} }, current)).toBe(true);
    expect(isRangeApplicable({ headers: { 'if-range': '"a"' } }, current)).toBe(true);
    expect(isRangeApplicable({ headers: { 'if-range': NOON } }, current)).toBe(true);
  });

  it('drops the range for anything else', () => {
    for (const value of ['"b"', 'W/"a"', BEFORE, 'Wed, 01 May 2024 12:00:01 GMT', 'a', '*', '']) {
      expect(isRangeApplicable({ headers: { 'if-range': value } }, current)).toBe(false);
    }
  });
});
