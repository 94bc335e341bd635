import { describe, expect, it } from 'vitest';
import { MAX_FILE_BYTES, parseText } from './parse-text.ts';

function problemsOf(text: string): readonly string[] {
  const parsed = parseText(text);
  return parsed.ok ? [] : parsed.problems;
}

describe('parseText', () => {
  it('reads JSON indented with tabs, and YAML', () => {
    expect(parseText('{\n\t"http": {\n\t\t"port": "8080"\n\t}\n}')).toEqual({
      ok: true,
      value: { http: { port: '8080' } },
    });
    expect(parseText('http:\n  port: 8080\n')).toEqual({ ok: true, value: { http: { port: 8080 } } });
  });

  it('follows YAML anchors and merges', () => {
    const text = 'a: &base {gc: true}\nb:\n  <<: *base\n  dedupe: false\n';
    expect(parseText(text)).toMatchObject({ value: { b: { gc: true, dedupe: false } } });
  });

  it('names the line of a mistake', () => {
    expect(problemsOf('http:\n  port: [8080\n')).toEqual([expect.stringContaining('line')]);
    expect(problemsOf('{"http": {"port": }')).not.toEqual([]);
  });

  it('refuses a key given twice', () => {
    expect(problemsOf('{"log": {"level": "info", "level": "debug"}}')).toEqual([
      expect.stringContaining('unique'),
    ]);
  });

  it.each(['', '# only a comment\n', '{}', 'null'])('refuses %j, which says nothing', (text) => {
    expect(problemsOf(text)).toEqual(['is empty']);
  });

  it.each(['[]', '"text"', '42'])('refuses %s, which is not a mapping', (text) => {
    expect(problemsOf(text)).toEqual([expect.stringContaining('keys and values')]);
  });

  it('refuses a few lines of YAML that would become billions of values', () => {
    const lines = ['a0: &a0 [x, x, x, x, x, x, x, x, x, x]'];
    for (let level = 1; level < 10; level += 1) {
      const alias = `*a${level - 1}`;
      lines.push(`a${level}: &a${level} [${Array(10).fill(alias).join(', ')}]`);
    }
    expect(problemsOf(lines.join('\n'))).toEqual([expect.stringContaining('alias')]);
  });

  it('refuses a custom YAML tag', () => {
    expect(problemsOf('http: !include other.yaml\n')).toEqual([expect.stringContaining('tag')]);
  });

  it('refuses nesting deeper than any configuration', () => {
    for (const text of [`a: ${'['.repeat(100_000)}`, `${'{"a":'.repeat(5_000)}1${'}'.repeat(5_000)}`]) {
      expect(problemsOf(text)).toEqual(['is nested too deeply']);
    }
  });

  it('refuses a text that is far too large', () => {
    expect(problemsOf(`a: ${'x'.repeat(MAX_FILE_BYTES)}`)).toEqual([expect.stringContaining('larger')]);
  });
});
