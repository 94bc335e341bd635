import type { Command } from 'commander';
import type { StoreCommandContext } from './with-store.ts';

export type AddCommands = (program: Command, context: StoreCommandContext) => void;

/** The commands of one file. Each is loaded when it is asked for: a server starts quicker without the others. */
export interface CommandFile {
  readonly names: readonly string[];
  load(): Promise<AddCommands>;
}

export interface CommandGroup {
  /** In the help. */
  readonly heading: string;
  readonly files: readonly CommandFile[];
}

export const COMMAND_GROUPS: readonly CommandGroup[] = [
  {
    heading: 'Serving:',
    files: [
      { names: ['serve'], load: async () => (await import('./commands/serve.ts')).addServeCommand },
      {
        names: ['verify', 'config'],
        load: async () => (await import('./commands/config.ts')).addConfigCommands,
      },
    ],
  },
  {
    heading: 'Looking after a store, on its machine:',
    files: [
      { names: ['gc'], load: async () => (await import('./commands/gc.ts')).addGcCommand },
      { names: ['scrub'], load: async () => (await import('./commands/scrub.ts')).addScrubCommand },
      { names: ['fsck'], load: async () => (await import('./commands/fsck.ts')).addFsckCommand },
      { names: ['import'], load: async () => (await import('./commands/import.ts')).addImportCommands },
      { names: ['export'], load: async () => (await import('./commands/export.ts')).addExportCommand },
      { names: ['stat'], load: async () => (await import('./commands/stat.ts')).addStatCommand },
    ],
  },
  {
    heading: 'Administration:',
    files: [
      { names: ['key'], load: async () => (await import('./commands/key.ts')).addKeyCommands },
      { names: ['policy'], load: async () => (await import('./commands/policy.ts')).addPolicyCommands },
      {
        names: ['login', 'logout'],
        load: async () => (await import('./commands/login.ts')).addLoginCommands,
      },
      {
        names: ['print-token'],
        load: async () => (await import('./commands/print-token.ts')).addPrintTokenCommand,
      },
      { names: ['session'], load: async () => (await import('./commands/session.ts')).addSessionCommands },
      { names: ['user'], load: async () => (await import('./commands/user.ts')).addUserCommands },
      { names: ['group'], load: async () => (await import('./commands/group.ts')).addGroupCommands },
      { names: ['token'], load: async () => (await import('./commands/token.ts')).addTokenCommands },
      { names: ['audit'], load: async () => (await import('./commands/audit.ts')).addAuditCommands },
      { names: ['whoami'], load: async () => (await import('./commands/who-am-i.ts')).addWhoAmICommand },
    ],
  },
];
