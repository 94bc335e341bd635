import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parse } from 'yaml';

/** What a run of the conformance program says, from the two files it writes. */
export interface ConformanceReport {
  /** How many tests ran to their end, whatever came out. */
  readonly tests: number;
  /** Every group, data set and single test that did not pass: failed, in error, skipped or switched off. */
  readonly unpassed: readonly string[];
  /** Switches of the program that were off. */
  readonly switchedOff: readonly string[];
}

/**
 * Reads `results.yaml` and `junit.xml`. Both are needed: in the first one pass hides the skips beside it (a group has
 * the highest status of its parts, and a pass is above a skip), and the second does not name the groups. The program's
 * exit status says nothing about skips at all.
 */
export async function readConformanceReport(folder: string): Promise<ConformanceReport> {
  const results: { config: Switches; apis: Statuses; data: Statuses } = parse(
    await readFile(join(folder, 'results.yaml'), 'utf8'),
  );
  const junit = await readFile(join(folder, 'junit.xml'), 'utf8');
  const tests = [...junit.matchAll(/<testcase\s[^>]*>/g)].map(([tag]) => ({
    name: attribute(tag, 'name') ?? 'a test without a name',
    status: attribute(tag, 'status') ?? 'unknown',
  }));
  const groups = Object.entries({ ...results.apis, ...results.data });
  // Not every skip has a test of its own, so the totals count too.
  const totals = [...junit.matchAll(/\b(skipped|disabled|failures|errors)="([1-9][0-9]*)"/g)];
  return {
    tests: tests.length,
    unpassed: [
      ...groups.filter(([, status]) => status !== 'Pass').map(([name, status]) => `${name}: ${status}`),
      ...tests.filter(({ status }) => status !== 'passed').map(({ name, status }) => `${name}: ${status}`),
      ...totals.map(([, name, count]) => `${name}: ${count}`),
    ],
    switchedOff: [...off(results.config.apis, 'apis'), ...off(results.config.data, 'data')],
  };
}

type Statuses = Readonly<Record<string, string>>;
type Switches = { readonly apis: SwitchTree; readonly data: SwitchTree };
type SwitchTree = { readonly [name: string]: boolean | SwitchTree };

function off(switches: SwitchTree, path: string): string[] {
  return Object.entries(switches).flatMap(([name, value]) => {
    if (typeof value === 'object') return off(value, `${path}.${name}`);
    return value ? [] : [`${path}.${name}`];
  });
}

function attribute(tag: string, name: string): string | undefined {
  return new RegExp(`\\s${name}="([^"]*)"`).exec(tag)?.[1];
}
