import { describe, expect, it } from 'vitest';
import { ALL_ACTIONS } from '../extensions/s3/actions.ts';
import { type CheckPolicyOptions, checkPolicy, findingText } from './check-policy.ts';
import { S3_ACTIONS } from './known-actions.ts';

const variable = (name: string): string => `\${${name}}`;

function findings(text: string, options: Partial<CheckPolicyOptions> = {}): readonly string[] {
  const checked = checkPolicy(text, { kind: 'identity', ...options });
  return checked.ok ? [] : checked.findings.map(findingText);
}

function written(statement: Record<string, unknown>): string {
  const whole = { Effect: 'Allow', Action: 'oci:Pull', Resource: '*', ...statement };
  return JSON.stringify({ Version: '2012-10-17', Statement: [whole] });
}

const problem = (statement: Record<string, unknown>, options: Partial<CheckPolicyOptions> = {}) =>
  findings(written(statement), options)[0] ?? 'fine';

describe('a policy document', () => {
  it('is taken with actions of every protocol, variables and conditions', () => {
    const name = variable('aws:username');
    const text = JSON.stringify({
      Version: '2012-10-17',
      Statement: [
        {
          Sid: 'Pull',
          Effect: 'Allow',
          Action: ['oci:Pull', 'oci:P*'],
          Resource: `arn:zas:oci:::home/${name}/*`,
        },
        {
          Effect: 'Deny',
          NotAction: ['s3:getobject', 'admin:WhoAmI', '*'],
          NotResource: ['arn:aws:s3:::b/*', 'arn:zas:admin:::server'],
          Condition: {
            'ForAnyValue:StringLikeIfExists': { 'jwt:realm_access.roles': 'dev*', 'oci:tag': ['v*'] },
            IpAddress: { 'aws:SourceIp': '10.0.0.0/8' },
            Bool: { 'aws:SecureTransport': true },
          },
        },
      ],
    });
    expect(findings(text)).toEqual([]);
  });

  it('is refused with the line and the column of what is wrong', () => {
    const text = [
      '{',
      '  "Version": "2012-10-17",',
      '  "Statement": [',
      '    {',
      '      "Effect": "Allow",',
      '      "Action": ["oci:Pull",',
      '        "oci:Fly"],',
      '      "Resource": "arn:zas:s3:::x",',
      '      "Condition": { "StringEquals": { "aws:Nothing": "x" } }',
      '    }',
      '  ]',
      '}',
    ].join('\n');
    expect(findings(text)).toEqual([
      '7:9 Statement[0].Action[1]: "oci:Fly" is not an action of this server',
      '8:19 Statement[0].Resource[0]: "arn:zas:s3:::x": the partition "zas" has the services oci, admin, trust',
      '9:38 Statement[0].Condition.StringEquals: "aws:nothing" is not a condition key of this server',
    ]);
  });

  it.each([
    ['', '1:1 the document ends too early'],
    ['{"Statement": [}', '1:16 a value is missing here'],
    ['{"Version": "2012-10-17"\n "Statement": []}', '2:2 a comma or "}" is missing here'],
    ['{"Statement":\n {"Effect": "Allow", "Effect": "Deny"}}', '2:22 "Effect" is given twice'],
    ['{"Statement": "\n"}', '1:15 a text holds a control character or a broken escape'],
    ['{} {}', '1:4 there is more behind the end of the document'],
    [`${'['.repeat(30)}`, '1:18 lists and objects lie in each other more than 16 deep'],
    ['[]', '1:1 a policy must be a JSON object'],
    [
      '{\n"Statement": {"Effect": "allow"}}',
      '2:25 Statement.Effect: Invalid option: expected one of "Allow"|"Deny"',
    ],
    [
      '{"Statement": {"Efect": "Allow"}}',
      '1:15 Statement.Effect: Invalid option: expected one of "Allow"|"Deny"',
    ],
    [
      '{"Statement": {"Effect": "Allow", "Action": "*", "Resource": "*",\n "Prinzipal": "*"}}',
      '2:15 Statement.Prinzipal: "Prinzipal" is no key that is known here',
    ],
    [
      '{"Statement": {"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*"}}',
      '1:15 Statement: an identity policy has no Principal',
    ],
  ])('%j is refused', (text, message) => {
    expect(findings(text)[0]).toBe(message);
  });

  it.each<[Record<string, unknown>, string]>([
    [{ Action: 's3:GetObjekt' }, 'is not an action'],
    [{ Action: '' }, 'is empty'],
    [{ Action: 'admin:Nothing' }, 'fine'],
    [{ Resource: 'team-a/*' }, 'is not an ARN'],
    [{ Resource: 'arn:aws:ec2:::x' }, 'the services s3'],
    [{ Resource: 'arn:aws:s3:eu-west-1::b' }, 'names a region or an account'],
    [{ Resource: 'arn:aws:s3:::' }, 'is not an ARN'],
    [{ Resource: `arn:zas:oci:::${'*a'.repeat(20)}` }, '20 wildcards; 16 are the most'],
    [{ Resource: `arn:zas:oci:::${'*'.repeat(40)}` }, 'fine'],
    [{ Resource: `arn:zas:oci:::${'x'.repeat(2100)}` }, 'more than 2048 characters'],
    [{ Resource: 'arn:zas:oci:::a\nb' }, 'control characters'],
    [{ Resource: `arn:zas:oci:::${variable('aws:nothing')}` }, 'is not a condition key'],
    [{ Resource: `arn:zas:oci:::${variable('*')}` }, 'fine'],
    [{ Condition: { StringSimilar: { 'oci:tag': 'x' } } }, 'is not a condition operator'],
    [{ Condition: { IpAddress: { 'aws:SourceIp': 'x' } } }, 'is not an address'],
    [{ Condition: { StringEquals: { 's3:ExistingObjectTag/a': 'x' } } }, 'policies of buckets only'],
    [{ Condition: { StringEquals: { 'oci:tag': [] } } }, 'has no values'],
    [{ Sid: 'x'.repeat(129) }, 'more than 128 characters'],
  ])('with %j: %s', (statement, message) => {
    expect(problem(statement)).toContain(message);
  });

  it('names actions of the management API that there are, where they are known', () => {
    const adminActions = ['admin:PutPolicy'];
    expect(problem({ Action: 'admin:PutPolicy' }, { adminActions })).toBe('fine');
    expect(problem({ Action: 'admin:*' }, { adminActions })).toBe('fine');
    expect(problem({ Action: 'admin:PutPolice' }, { adminActions })).toContain('is not an action');
  });

  it('has each Sid once', () => {
    const statement = { Sid: 'A', Effect: 'Allow', Action: '*', Resource: '*' };
    expect(findings(JSON.stringify({ Statement: [statement, statement] }))[0]).toContain('another statement');
  });

  it('of a repository speaks of it and what is below it, and of somebody', () => {
    const options = { kind: 'resource', repository: 'team-a' } as const;
    const own = { Principal: '*', Resource: 'arn:zas:oci:::team-a/*' };
    expect(problem(own, options)).toBe('fine');
    expect(problem({ ...own, Resource: 'arn:zas:oci:::team-b' }, options)).toContain(
      'is not this repository',
    );
    expect(problem({ ...own, Resource: 'arn:zas:oci:::team-ab' }, options)).toContain(
      'is not this repository',
    );
    expect(problem({ ...own, Action: 's3:GetObject' }, options)).toContain('is not an action');
    expect(problem({ ...own, Principal: undefined }, options)).toContain(
      'Principal or NotPrincipal is missing',
    );
    expect(problem({ ...own, Principal: { AWS: 'arn:zas:iam:::group/devs' } }, options)).toBe('fine');
    expect(problem({ ...own, Principal: { AWS: 'arn:aws:sts:::x' } }, options)).toContain('names nobody');
  });

  it('that is too large is not even read', () => {
    expect(findings(' '.repeat(33_000))[0]).toContain('32768 bytes at most');
  });

  it('may name every action of S3 that an operation asks for', () => {
    expect(ALL_ACTIONS.filter((action) => !S3_ACTIONS.includes(action))).toEqual([]);
  });
});
