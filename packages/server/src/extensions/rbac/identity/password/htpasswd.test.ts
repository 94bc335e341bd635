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
    expect(parsed).toMatchObject({ ok: true, file: { costliest: other.replace('$2y$', '$2b$') } });
    expect(parsed.ok && [...parsed.file.hashes]).toEqual([
      ['alice', other.replace('$2y$', '$2b$')],
      ['bob', HASH.replace('$2y$', '$2b$')],
    ]);
  });

  it('takes SHA-crypt hashes as they are, and knows which hash takes longest to check', () => {
    const sha256 = `$5$salt$${'x'.repeat(43)}`;
    const sha512 = `$6$rounds=20000$salt$${'x'.repeat(86)}`;
    const parsed = parseHtpasswd(`a:${sha256}\nb:${sha512}\nc:${HASH}\n`);
    expect(parsed.ok && [...parsed.file.hashes.values()]).toEqual([
      sha256,
      sha512,
      HASH.replace('$2y$', '$2b$'),
    ]);
    expect(parsed).toMatchObject({ file: { costliest: sha512 } });
  });

  it('accepts a file without users', () => {
    expect(parseHtpasswd('')).toMatchObject({ ok: true });
  });

  it.each([
    ['$apr1$abc$def', 'MD5'],
    ['$5$salt$hash', 'damaged SHA-crypt'],
    ['$6$salt$hash', 'damaged SHA-crypt'],
    [`$5$rounds=9000000$salt$${'x'.repeat(43)}`, '9000000 rounds'],
    ['{SHA}fEqNCco3Yq9h5ZUglD3CZJT4lBs=', 'SHA-1'],
    ['plain', 'no hash this server knows'],
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
