import { describe, expect, it } from 'vitest';
import { ConditionProblem, type ConditionRequest, compileCel } from './cel-condition.ts';

const REQUEST: ConditionRequest = {
  time: new Date('2026-03-01T12:00:00Z'),
  method: 'PUT',
  userAgent: 'docker/24.0.7',
  action: 'create',
  repository: 'prod/api',
  reference: 'v1.2.3',
  referenceType: 'tag',
  tag: 'v1.2.3',
  digest: '',
  user: { username: 'alice', groups: ['devs', 'prod'] },
  auth: { anonymous: false, admin: false },
  client: { ip: '10.0.0.5', forwardedFor: ['192.0.2.7', '10.0.0.9'] },
  tls: { enabled: true, version: '1.3' },
  claims: { email_verified: true, roles: ['prod-pusher'], level: 3 },
};

const holds = (expression: string, request: Partial<ConditionRequest> = {}): boolean =>
  compileCel(expression, '').holds({ ...REQUEST, ...request });

describe('conditions in CEL', () => {
  it.each([
    'req.method == "PUT"',
    'req.userAgent.startsWith("docker/")',
    'req.client.ip == "10.0.0.5"',
    'req.client.ip == "10.0.0.5" && req.client.forwardedFor[0].startsWith("192.0.2.")',
    'req.tls.enabled && req.tls.version == "1.3"',
    'req.reference == "v1.2.3" && req.referenceType == "tag" && req.tag == req.reference && req.digest == ""',
    '!req.auth.anonymous && !req.auth.admin',
    'req.claims.email_verified == true',
    '"prod-pusher" in req.claims.roles',
    'req.claims.level >= 3',
    'req.action == "create"',
    'req.repository.startsWith("prod/")',
    'req.user.username == "alice" && "devs" in req.user.groups',
    'req.time < timestamp("2026-12-31T00:00:00Z")',
    'req.user.groups.exists(g, g.endsWith("d"))',
    'req.tag.matches("^v[0-9]+\\\\.[0-9]+\\\\.[0-9]+$")',
    'has(req.claims.level) && !has(req.claims.nothing)',
  ])('%s holds', (expression) => {
    expect(holds(expression)).toBe(true);
  });

  it.each([
    'req.time > timestamp("2026-12-31T00:00:00Z")',
    'req.claims.nothing == true',
    'req.repository == 5',
    'req.user.groups[7] == "x"',
  ])('%s does not hold', (expression) => {
    expect(holds(expression)).toBe(false);
  });

  it('does not hold when what it gives is no truth value', () => {
    expect(holds('req.repository')).toBe(false);
  });

  it.each([
    ['this is not valid CEL', /no condition in CEL/],
    ['request.method == "PUT"', /request/],
    ['"a text"', /gives string/],
    ['1 + 1', /gives int/],
    [`req.tag == "${'x'.repeat(2048)}"`, /2048 characters/],
    [Array.from({ length: 300 }, () => 'true').join('||'), /no condition in CEL/],
    ['req.user.groups.all(a, req.user.groups.all(b, req.user.groups.all(c, a == b)))', /loops in loops/],
    ['req.tag.matches("(a+)+$")', /could take too long/],
    ['req.tag.matches("a*b*c*d*e")', /could take too long/],
    ['req.tag.matches("(?=a)b")', /could take too long/],
    ['req.tag.matches("[")', /which is not one/],
    ['req.tag.matches(req.repository)', /not written out/],
  ])('%s is refused', (expression, message) => {
    expect(() => compileCel(expression, '')).toThrow(ConditionProblem);
    expect(() => compileCel(expression, '')).toThrow(message);
  });

  it('does not hold when its loops would go through too much', () => {
    const expression = 'req.user.groups.all(a, req.user.groups.exists(b, a == b))';
    const groups = Array.from({ length: 5000 }, (_, index) => `group-${index}`);
    expect(holds(expression)).toBe(true);
    expect(holds(expression, { user: { username: 'alice', groups } })).toBe(false);
  });

  it('does not look with a regular expression at very long texts', () => {
    expect(holds('req.userAgent.matches("^a*$")', { userAgent: 'a'.repeat(100) })).toBe(true);
    expect(holds('req.userAgent.matches("^a*$")', { userAgent: 'a'.repeat(10_000) })).toBe(false);
  });
});
