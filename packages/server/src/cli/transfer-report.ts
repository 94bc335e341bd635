import type { LeftOut, TransferReport, TransferRow } from '../layout/transfer-log.ts';
import { EXIT, type ExitCode } from './exit-code.ts';
import { formatTable } from './table.ts';
import type { Terminal } from './terminal.ts';
import { endedEarly } from './with-store.ts';

const HEADER = ['repository', 'manifests', 'tags', 'blobs', 'bytes linked', 'bytes copied', 'already there'];

/** Prints what an import or export did and gives its exit code: something that was left out is a failure. */
export function reportTransfer(
  terminal: Terminal,
  report: TransferReport,
  { json }: { readonly json: boolean },
): ExitCode {
  if (json) terminal.print(JSON.stringify(report, null, 2));
  else printTable(terminal, report);
  if (!report.complete) return endedEarly(terminal);
  return report.problemCount > 0 ? EXIT.failed : EXIT.ok;
}

function printTable(terminal: Terminal, report: TransferReport): void {
  const { repositories, problems, problemCount, notes, noteCount } = report;
  const rows = repositories.map((row) => [row.repository, ...countsOf(row)]);
  if (rows.length > 1) rows.push(['total', ...countsOf(total(repositories))]);
  terminal.print(formatTable([HEADER, ...rows]));
  for (const each of problems) terminal.print(`left out: ${describe(each)}`);
  for (const each of notes) terminal.print(`note: ${describe(each)}`);
  const unlisted = problemCount + noteCount - problems.length - notes.length;
  if (unlisted > 0)
    terminal.print(`and ${unlisted} more (${problemCount} left out, ${noteCount} notes in all)`);
}

function countsOf(row: Omit<TransferRow, 'repository'>): string[] {
  const { manifests, tags, blobs, linkedBytes, copiedBytes, alreadyThere } = row;
  return [manifests, tags, blobs, linkedBytes, copiedBytes, alreadyThere].map(String);
}

function total(rows: readonly TransferRow[]): Omit<TransferRow, 'repository'> {
  const sum = (count: (row: TransferRow) => number): number => rows.reduce((all, row) => all + count(row), 0);
  return {
    manifests: sum((row) => row.manifests),
    tags: sum((row) => row.tags),
    blobs: sum((row) => row.blobs),
    linkedBytes: sum((row) => row.linkedBytes),
    copiedBytes: sum((row) => row.copiedBytes),
    alreadyThere: sum((row) => row.alreadyThere),
  };
}

/** Names come from files of strangers, and a terminal obeys control characters. */
function describe({ kind, repository, digest, tag, reason }: LeftOut): string {
  const about = [repository, tag, digest].filter((part) => part !== undefined && part !== '').join(' ');
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is removed
  return `${about}: ${reason} (${kind})`.replace(/[\u0000-\u001f\u007f-\u009f]/g, '?');
}
