import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { StoreError } from '@zot-artifact-store/spec';
import { type CheckPolicyOptions, checkPolicy, findingText } from '../../policy/check-policy.ts';
import type { Terminal } from '../terminal.ts';

const MAX_FILE_BYTES = 1024 * 1024;

/** The text of a file, or of standard input for `-`. Throws `argument-invalid`. */
export async function readTextFile(
  { cwd, readInput }: Pick<Terminal, 'cwd' | 'readInput'>,
  file: string,
): Promise<string> {
  if (file === '-') return readInput();
  let bytes: Buffer;
  try {
    bytes = await readFile(resolve(cwd, file));
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : 'unknown error';
    throw new StoreError('argument-invalid', `${file} cannot be read (${code}).`, { cause });
  }
  if (bytes.length > MAX_FILE_BYTES) {
    throw new StoreError('argument-invalid', `${file} has more than ${MAX_FILE_BYTES} bytes.`);
  }
  return bytes.toString('utf8');
}

/** Everything that is wrong with a policy document, a line each: `policy.json:3:17 Statement[0].Action: ...`. */
export function documentFindings(text: string, file: string, options: CheckPolicyOptions): readonly string[] {
  const checked = checkPolicy(text, options);
  if (checked.ok) return [];
  return checked.findings.map(
    (finding) => `${file === '-' ? 'standard input' : file}:${findingText(finding)}`,
  );
}
