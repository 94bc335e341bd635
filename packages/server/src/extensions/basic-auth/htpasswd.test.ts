import { describe, expect, it } from 'vitest';
import { parseHtpasswd } from './htpasswd.ts';

const HASH = '$2y$05$abcdefghijklmnopqrstuuE3.6PSoQD8RlyUIBTK5iyWkuBaMjjaK';

function problemsOf(text: string): readonly string[] {
  const parsed = parseHtpasswd(text);
  return parsed.ok ? [] : parsed.problems;
}

describe('parseHtpasswd', () => {
  it('reads users, skips comments and empty lines, and takes the last of two lines for one user', () => {
    const other = HASH.replace('$05$', '$06$');
    const parsed = parseHtpasswd(`# users\n\nalice:${HASH}\r\nbob:${HASH}\nalice:${other}\n`);
    expect(parsed).toMatchObject({ ok: true, file: { cost: 6 } });
    expect(parsed.ok && [...parsed.file.hashes]).toEqual([
      ['alice', other.replace('$2y$', '$2b$')],
      ['bob', HASH.replace('$2y$', '$2b$')],
    ]);
  });

  it('accepts a file without users', () => {
    expect(parseHtpasswd('')).toMatchObject({ ok: true });
  });

  it.each([
    ['$apr1$abc$def', 'MD5'],
    ['$5$salt$hash', 'SHA-256 crypt'],
    ['$6$salt$hash', 'SHA-512 crypt'],
    ['{SHA}fEqNCco3Yq9h5ZUglD3CZJT4lBs=', 'SHA-1'],
    ['plain', 'no bcrypt hash'],
    ['$2y$05$short', 'damaged'],
    [HASH.replace('$05$', '$31$'), 'cost 31'],
  ])('refuses the hash %s, naming line, user and scheme and not the hash', (hash, words) => {
    const [problem] = problemsOf(`ok:${HASH}\nbob:${hash}\n`);
    expect(problem).toContain('line 2');
    expect(problem).toContain('"bob"');
    expect(problem).toContain(words);
    expect(problem).not.toContain(hash);
  });

  it('reports every malformed line, up to a bound', () => {
    expect(problemsOf('nocolon\n:nouser\n')).toHaveLength(2);
    expect(problemsOf('nocolon\n'.repeat(1000))).toHaveLength(20);
  });
});
