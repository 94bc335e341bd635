import { describe, expect, it } from 'vitest';
import { auditSection } from './config.ts';

function problems(section: unknown): string[] {
  const parsed = auditSection.safeParse(section);
  return parsed.success ? [] : parsed.error.issues.map(({ path, message }) => `${path.join('.')} ${message}`);
}

describe('extensions.audit', () => {
  it('has defaults, and gives the same when parsed again', () => {
    const once = auditSection.parse({
      exports: [{ name: 'a', type: 'syslog', url: 'tcp://h:1', facility: '4' }],
    });
    expect(auditSection.parse(JSON.parse(JSON.stringify(once)))).toEqual(once);
    expect(auditSection.parse({})).toMatchObject({
      enable: true,
      reads: false,
      failClosed: true,
      exports: [],
    });
  });

  it.each<[what: string, entry: Record<string, unknown>, problem: RegExp]>([
    ['a file without a path', { type: 'file' }, /exports\.0\.path is missing; the type "file" needs it/],
    ['a key of another type', { type: 'stdout', url: 'udp://h:1' }, /exports\.0\.url has no meaning/],
    ['a syslog without a port', { type: 'syslog', url: 'udp://h' }, /must name a port/],
    ['a syslog over HTTP', { type: 'syslog', url: 'http://h:1' }, /must be as "udp:/],
    ['a webhook that is no URL', { type: 'webhook', url: 'example' }, /must be as "https:/],
    ['a password in a URL', { type: 'webhook', url: 'https://a:b@h/' }, /use tokenFile/],
    [
      'authorities without TLS',
      { type: 'syslog', url: 'tcp://h:1', caFile: '/ca' },
      /needs a url that begins/,
    ],
    ['an unknown type', { type: 'kafka' }, /must be "stdout", "file"/],
    ['a name with a dot', { type: 'stdout', name: 'log.audit' }, /must be a name/],
  ])('refuses %s', (_what, entry, problem) => {
    expect(problems({ exports: [{ name: 'one', ...entry }] }).join('\n')).toMatch(problem);
  });

  it('refuses two exports of one name', () => {
    const one = { name: 'a', type: 'stdout' };
    expect(problems({ exports: [one, one] })).toEqual(['exports.1.name is that of another export, "a"']);
  });
});
