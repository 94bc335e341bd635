import type { Command } from 'commander';
import { z } from 'zod';
import { type ApiClient, apiPath, NOTHING } from '../api/api-client.ts';
import { addServerOptions, openApi, SERVER_NOTES, type ServerOptions } from '../api/with-server.ts';
import { EXIT, type ExitCode } from '../exit-code.ts';
import { documentFindings, readTextFile } from '../policy/read-document.ts';
import { formatTable } from '../table.ts';
import type { StoreCommandContext } from '../with-store.ts';
import { addPolicyDecisionCommands } from './policy-decisions.ts';

const summary = z.object({
  name: z.string(),
  source: z.string(),
  version: z.number().optional(),
  changedAt: z.string().optional(),
  changedBy: z.string().optional(),
});
const policy = summary.extend({ document: z.string() });
const versions = z.object({
  items: z.array(z.object({ version: z.number(), changedAt: z.string(), changedBy: z.string() })),
});
const attachment = z.object({ target: z.string(), source: z.string() });
const attached = z.object({ items: z.array(z.object({ policy: z.string(), source: z.string() })) });

interface PolicyOptions extends ServerOptions {
  readonly repository?: true;
  readonly json?: true;
}

const NOTES = `
A policy is an IAM document that says what whoever it is attached to may do, in repositories, buckets and
the management API; docs/access.md tells of them. With --repository the name is one of a repository, and
the policy rules that repository and those below it.

Examples:
  zas policy validate developer.json
  zas policy put developer developer.json
  zas policy attach developer role:developer user:alice
  zas policy explain --as alice --action oci:Push --resource arn:zas:oci:::team-a/app
  zas policy rollback developer 3
${SERVER_NOTES}`;

export function addPolicyCommands(program: Command, context: StoreCommandContext): void {
  const { terminal, finish } = context;
  const group = program
    .command('policy')
    .description('Say who may do what, and find out why.')
    .addHelpText('after', NOTES);
  const run = async (
    options: ServerOptions,
    work: (api: ApiClient) => Promise<ExitCode | undefined>,
  ): Promise<void> => finish((await work(await openApi(terminal, options))) ?? EXIT.ok);

  const list = group
    .command('list')
    .description('List policies, or those somebody has.')
    .option(
      '--attached-to <target>',
      'only those of user:<name>, group:<name>, role:<name> or access-key:<id>',
    );
  addPolicyOptions(list).action(
    async ({ attachedTo, ...options }: PolicyOptions & { readonly attachedTo?: string }) =>
      run(options, async (api) => {
        if (attachedTo === undefined) return printPolicies(context, api, options);
        const { items } = await api.call(attached, { path: apiPath`/attachments/${attachedTo}` });
        const rows = items.map((one) => [one.policy, one.source]);
        terminal.print(options.json ? json({ items }) : formatTable([['policy', 'attached by'], ...rows]));
        return EXIT.ok;
      }),
  );

  const show = group
    .command('show')
    .description('Print the document of a policy.')
    .argument('<name>', 'its name')
    .argument('[version]', 'one of its last versions')
    .option('--attachments', 'what it is attached to, instead of the document');
  addPolicyOptions(show).action(async (name: string, version: string | undefined, options: ShowOptions) =>
    run(options, (api) => showPolicy(context, api, { ...options, name, version })),
  );

  const put = group
    .command('put')
    .description('Make a policy, or a new version of it.')
    .argument('<name>', 'its name')
    .argument('<file>', 'the document, JSON; - reads standard input');
  addPolicyOptions(put).action(async (name: string, file: string, options: PolicyOptions) =>
    run(options, async (api) => {
      const document = await readTextFile(terminal, file);
      const findings = documentFindings(
        document,
        file,
        options.repository ? { kind: 'resource', repository: name } : { kind: 'identity' },
      );
      for (const finding of findings) terminal.complain(finding);
      if (findings.length > 0) return EXIT.failed;
      const stored = await api.call(summary, {
        method: 'PUT',
        path: pathOf(name, options),
        body: { document },
      });
      terminal.print(options.json ? json(stored) : `Version ${stored.version} of ${name} is in force.`);
      return EXIT.ok;
    }),
  );

  const remove = group
    .command('delete')
    .description('Delete a policy that is attached to nothing.')
    .argument('<name>', 'its name');
  addPolicyOptions(remove).action(async (name: string, options: PolicyOptions) =>
    run(options, async (api) => {
      await api.call(NOTHING, { method: 'DELETE', path: pathOf(name, options) });
      terminal.print(options.json ? json({ name, deleted: true }) : `${name} is deleted.`);
      return EXIT.ok;
    }),
  );

  const history = group
    .command('history')
    .description('List the last versions of a policy, the newest first.')
    .argument('<name>', 'its name');
  addPolicyOptions(history).action(async (name: string, options: PolicyOptions) =>
    run(options, async (api) => {
      const found = await api.call(versions, { path: `${pathOf(name, options)}/versions` });
      const rows = found.items.map((one) => [String(one.version), one.changedAt, one.changedBy]);
      terminal.print(options.json ? json(found) : formatTable([['version', 'since', 'by'], ...rows]));
      return EXIT.ok;
    }),
  );

  const rollback = group
    .command('rollback')
    .description('Put an earlier version of a policy in force again, as a new one.')
    .argument('<name>', 'its name')
    .argument('<version>', 'as "zas policy history" shows it');
  addPolicyOptions(rollback).action(async (name: string, version: string, options: PolicyOptions) => {
    if (!/^[1-9]\d{0,8}$/.test(version)) rollback.error(`zas: "${version}" is no version; it is a number`);
    await run(options, async (api) => {
      const stored = await api.call(summary, {
        method: 'POST',
        path: `${pathOf(name, options)}/rollback`,
        body: { version: Number(version) },
      });
      const said = `Version ${version} of ${name} is in force again, as version ${stored.version}.`;
      terminal.print(options.json ? json(stored) : said);
      return EXIT.ok;
    });
  });

  addAttachment(group, context, { name: 'attach', method: 'PUT', done: 'attached to' });
  addAttachment(group, context, { name: 'detach', method: 'DELETE', done: 'detached from' });
  addPolicyDecisionCommands(group, context);
}

interface ShowOptions extends PolicyOptions {
  readonly attachments?: true;
}

async function showPolicy(
  { terminal }: StoreCommandContext,
  api: ApiClient,
  {
    name,
    version,
    attachments,
    ...options
  }: ShowOptions & { readonly name: string; readonly version: string | undefined },
): Promise<ExitCode> {
  if (attachments) {
    const found: z.output<typeof attachment>[] = [];
    const path = `${pathOf(name, options)}/attachments`;
    for await (const one of api.items(attachment, { path })) found.push(one);
    const rows = found.map(({ target, source }) => [target, source]);
    terminal.print(
      options.json ? json({ items: found }) : formatTable([['attached to', 'attached by'], ...rows]),
    );
    return EXIT.ok;
  }
  const found = await api.call(policy, { path: pathOf(name, options), query: { version } });
  terminal.print(options.json ? json(found) : found.document.replace(/\n$/, ''));
  return EXIT.ok;
}

async function printPolicies(
  { terminal }: StoreCommandContext,
  api: ApiClient,
  options: PolicyOptions,
): Promise<ExitCode> {
  const found: z.output<typeof summary>[] = [];
  const path = options.repository ? '/repository-policies' : '/policies';
  for await (const one of api.items(summary, { path, query: { limit: 1000 } })) found.push(one);
  const rows = found.map(({ name, source, version, changedAt = '', changedBy = '' }) => [
    name,
    source,
    version === undefined ? '' : String(version),
    changedAt,
    changedBy,
  ]);
  const header = [options.repository ? 'repository' : 'policy', 'from', 'version', 'since', 'by'];
  terminal.print(options.json ? json({ items: found }) : formatTable([header, ...rows]));
  return EXIT.ok;
}

function addAttachment(
  group: Command,
  { terminal, finish }: StoreCommandContext,
  change: { readonly name: 'attach' | 'detach'; readonly method: 'PUT' | 'DELETE'; readonly done: string },
): void {
  const command = group
    .command(change.name)
    .description(
      `${change.name === 'attach' ? 'Give a policy to' : 'Take a policy from'} users, groups, roles or keys.`,
    )
    .argument('<policy>', 'its name')
    .argument('<targets...>', 'user:<name>, group:<name>, role:<name> or access-key:<id>');
  addServerOptions(command).action(async (name: string, targets: string[], options: ServerOptions) => {
    const api = await openApi(terminal, options);
    for (const target of targets) {
      await api.call(NOTHING, {
        method: change.method,
        path: apiPath`/policies/${name}/attachments/${target}`,
      });
      terminal.print(`${name} is ${change.done} ${target}.`);
    }
    finish(EXIT.ok);
  });
}

function addPolicyOptions(command: Command): Command {
  return addServerOptions(
    command
      .option('--repository', 'policies of repositories, by the name of the repository')
      .option('--json', 'print JSON'),
  );
}

function pathOf(name: string, { repository }: PolicyOptions): string {
  return repository ? apiPath`/repository-policies/${name}` : apiPath`/policies/${name}`;
}

function json(value: unknown): string {
  return JSON.stringify(value, null, 2);
}
