import type { Command } from 'commander';
import { z } from 'zod';
import type { Explanation } from '../../extension/explain.ts';
import { type Answering, answer } from '../../extensions/rbac/access/question.ts';
import { addServerOptions, openApi, type ServerOptions } from '../api/with-server.ts';
import { EXIT } from '../exit-code.ts';
import { type PolicyCase, parseCaseFile } from '../policy/case-file.ts';
import { offlineAnswers } from '../policy/offline-answers.ts';
import { documentFindings, readTextFile } from '../policy/read-document.ts';
import { formatTable } from '../table.ts';
import type { Terminal } from '../terminal.ts';
import type { StoreCommandContext } from '../with-store.ts';

const opinion = z.object({
  effect: z.enum(['allow', 'deny', 'abstain']),
  reason: z.string().optional(),
  document: z.string().optional(),
  statement: z.string().optional(),
  message: z.string().optional(),
});
const explanation = z.object({
  effect: z.enum(['allow', 'deny']),
  action: z.string(),
  resource: z.string(),
  decidedBy: opinion.optional(),
  opinions: z.array(opinion),
  advice: z.string().optional(),
});
const testResults = z.object({
  results: z.array(z.object({ passed: z.boolean(), explanation })),
});

interface ExplainOptions extends ServerOptions {
  readonly as?: string;
  readonly group?: readonly string[];
  readonly role?: readonly string[];
  readonly accessKey?: string;
  readonly action: string;
  readonly resource: string;
  readonly context?: readonly string[];
  readonly json?: true;
}

const TEST_NOTES = `
The file is YAML or JSON. With "policies", "attachments", "everyUser" or "repositoryPolicies", as extensions.rbac of
the configuration has them, those alone decide, and no server is asked:

  policies:
    developer: { Version: "2012-10-17", Statement: [{ Effect: Allow, Action: oci:Push, Resource: "arn:zas:oci:::team-a/*" }] }
  attachments:
    role:developer: [developer]
  cases:
    - { as: { user: alice, roles: [developer] }, action: oci:Push, resource: arn:zas:oci:::team-a/app, expect: allow }
    - { as: { user: bob }, action: oci:Push, resource: arn:zas:oci:::team-a/app, expect: deny }

Exit code 0 when every case comes out as expected, else 1.`;

/** `zas policy explain`, `test` and `validate`. */
export function addPolicyDecisionCommands(group: Command, { terminal, finish }: StoreCommandContext): void {
  const explain = group
    .command('explain')
    .description('Say whether somebody may do something, and which statement decides.')
    .option('--as <user>', 'who; without it, a client without a login')
    .option('--group <name...>', 'groups (default: those the user is known to have)')
    .option('--role <name...>', 'roles (default: those last seen)')
    .option('--access-key <id>', 'the access key that signs')
    .requiredOption('--action <action>', 'for example s3:GetObject')
    .requiredOption('--resource <arn>', 'for example arn:aws:s3:::bucket/key')
    .option('--context <key=value...>', 'condition keys, for example aws:SourceIp=192.0.2.1')
    .option('--json', 'print JSON');
  addServerOptions(explain).action(async (options: ExplainOptions) => {
    const context = contextOf(options.context ?? [], (text) =>
      explain.error(`zas: "${text}" is no context; write it as aws:SourceIp=192.0.2.1`),
    );
    const api = await openApi(terminal, options);
    const body = {
      as: {
        user: options.as,
        groups: options.group,
        roles: options.role,
        accessKeyId: options.accessKey,
      },
      action: options.action,
      resource: options.resource,
      context,
    };
    const found = await api.call(explanation, { method: 'POST', path: '/explain', body });
    terminal.print(options.json ? JSON.stringify(found, null, 2) : explanationText(found));
    finish(EXIT.ok);
  });

  const test = group
    .command('test')
    .description('Run a file of cases: who may do what, and what is expected.')
    .argument('<file>', 'the cases; - reads standard input')
    .option('--json', 'print JSON')
    .addHelpText('after', TEST_NOTES);
  addServerOptions(test).action(
    async (file: string, { json, ...options }: ServerOptions & { readonly json?: true }) => {
      const { cases, policies } = parseCaseFile(await readTextFile(terminal, file), file);
      const found =
        policies === undefined
          ? await askServer(terminal, options, cases)
          : await answerAll(cases, offlineAnswers(policies));
      const results = cases.map((one, index) => ({ case: one, explanation: found[index] }));
      const failed = results.filter((one) => one.explanation?.effect !== one.case.expect);
      if (json) {
        terminal.print(JSON.stringify({ cases: cases.length, failed: failed.length, results }, null, 2));
      } else {
        for (const one of failed) terminal.print(failureText(one.case, one.explanation));
        terminal.print(`${cases.length - failed.length} of ${cases.length} cases came out as expected.`);
      }
      finish(failed.length === 0 ? EXIT.ok : EXIT.failed);
    },
  );

  group
    .command('validate')
    .description('Say what is wrong with a policy document, by line and column. No server is asked.')
    .argument('<file>', 'the document, JSON; - reads standard input')
    .option('--repository <name>', 'it is to be the policy of this repository')
    .action(async (file: string, { repository }: { readonly repository?: string }) => {
      const text = await readTextFile(terminal, file);
      const findings = documentFindings(
        text,
        file,
        repository === undefined ? { kind: 'identity' } : { kind: 'resource', repository },
      );
      for (const finding of findings) terminal.print(finding);
      if (findings.length === 0) terminal.print(`${file === '-' ? 'standard input' : file} is valid.`);
      finish(findings.length === 0 ? EXIT.ok : EXIT.failed);
    });
}

async function answerAll(
  cases: readonly PolicyCase[],
  answering: Answering,
): Promise<readonly Explanation[]> {
  const found: Explanation[] = [];
  for (const one of cases) found.push(await answer(one, answering));
  return found;
}

async function askServer(
  terminal: Terminal,
  options: ServerOptions,
  cases: readonly PolicyCase[],
): Promise<readonly z.output<typeof explanation>[]> {
  const api = await openApi(terminal, options);
  const body = { cases: cases.map(({ name: _name, ...one }) => one) };
  const { results } = await api.call(testResults, { method: 'POST', path: '/policy-tests', body });
  return results.map((result) => result.explanation);
}

type Explained = z.output<typeof explanation> | Explanation;

function explanationText({ effect, action, resource, decidedBy, opinions, advice }: Explained): string {
  const rows = [
    [effect === 'allow' ? 'Allowed:' : 'Denied:', `${action} on ${resource}`],
    ...(decidedBy?.reason === undefined ? [] : [['Decided by:', decidedBy.reason]]),
    ...opinions
      .filter(({ reason, message }) => (reason ?? message) !== undefined && reason !== decidedBy?.reason)
      .map(({ effect: said, reason, message }) => ['Also:', `${said}: ${reason ?? message}`]),
    ...(advice === undefined ? [] : [['What to do:', advice]]),
  ];
  return formatTable(rows);
}

function failureText(
  { name, as, action, resource, expect }: PolicyCase,
  found: Explained | undefined,
): string {
  const who = as.user ?? 'anonymous';
  const title = name ?? `${who}, ${action}, ${resource}`;
  const why = found?.decidedBy?.reason ?? 'nothing allows it';
  return `${title}: expected ${expect}, and it is ${found?.effect ?? 'not decided'} (${why})`;
}

function contextOf(
  pairs: readonly string[],
  refuse: (text: string) => never,
): Readonly<Record<string, string[]>> {
  const context: Record<string, string[]> = {};
  for (const pair of pairs) {
    const mark = pair.indexOf('=');
    if (mark < 1) refuse(pair);
    const key = pair.slice(0, mark);
    context[key] = [...(context[key] ?? []), pair.slice(mark + 1)];
  }
  return context;
}
