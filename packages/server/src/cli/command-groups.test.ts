import { Command } from 'commander';
import { describe, expect, it } from 'vitest';
import { COMMAND_GROUPS } from './command-groups.ts';
import type { StoreCommandContext } from './with-store.ts';

describe('the groups of commands', () => {
  const files = COMMAND_GROUPS.flatMap((group) => group.files);

  it.each(files)('know that a file brings $names', async ({ names, load }) => {
    const program = new Command();
    // Nothing of the context is used before a command runs.
    (await load())(program, {} as StoreCommandContext);
    expect(program.commands.map((command) => command.name())).toEqual(names);
  });
});
