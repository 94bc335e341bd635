import { parseDocument } from 'yaml';
import { isMapping } from './mapping.ts';

export type ParsedText =
  | { readonly ok: true; readonly value: Readonly<Record<string, unknown>> }
  | { readonly ok: false; readonly problems: readonly string[] };

/** A configuration is a few kilobytes; this is a bound, not a budget. */
export const MAX_FILE_BYTES = 1024 * 1024;
const MAX_ALIASES = 100;
const MAX_PROBLEMS = 20;

/**
 * The mapping a JSON or YAML text holds. JSON is read as the YAML it is, which finds keys given twice and names line
 * and column. Aliases are bounded, so that a small text cannot become a large value.
 */
export function parseText(text: string): ParsedText {
  if (Buffer.byteLength(text) > MAX_FILE_BYTES) return failed(`is larger than ${MAX_FILE_BYTES} bytes`);
  try {
    const document = parseDocument(text, { merge: true, prettyErrors: true, uniqueKeys: true });
    const faults = [...document.errors, ...document.warnings];
    // The parser reports an exhausted stack as a mistake at some line.
    if (faults.some(({ message }) => /stack/i.test(message))) return failed('is nested too deeply');
    if (faults.length > 0) {
      return { ok: false, problems: faults.slice(0, MAX_PROBLEMS).map((fault) => firstLine(fault.message)) };
    }
    const value: unknown = document.toJS({ maxAliasCount: MAX_ALIASES });
    if (value === null || value === undefined) return failed('is empty');
    if (!isMapping(value)) return failed('must hold keys and values, as in "http:" and "storage:"');
    if (Object.keys(value).length === 0) return failed('is empty');
    return { ok: true, value };
  } catch (error) {
    // Too many aliases, or nesting deeper than the stack.
    return failed(error instanceof RangeError ? 'is nested too deeply' : firstLine(String(error)));
  }
}

function failed(problem: string): ParsedText {
  return { ok: false, problems: [problem] };
}

/** The library draws the place below its sentence; the sentence names line and column already. */
function firstLine(message: string): string {
  return (message.split('\n', 1)[0] ?? message).replace(/^(\w*Error): /, '').replace(/:$/, '');
}
