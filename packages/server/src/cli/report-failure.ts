import { isStoreError } from '@zot-artifact-store/spec';
import { EXIT, type ExitCode } from './exit-code.ts';
import type { Terminal } from './terminal.ts';

/** Says what ended a command, for people, and gives the exit code. The stack is shown with ZAS_DEBUG=1 only. */
export function reportFailure(terminal: Terminal, error: unknown): ExitCode {
  for (const line of describe(error) ?? describeBug(error)) terminal.complain(`zas: ${line}`);
  if (terminal.env.ZAS_DEBUG === '1') terminal.complain(stackOf(error));
  if (problemsOf(error)) return EXIT.usage;
  return codes(error).some((code) => ADDRESS_CODES.has(code)) ? EXIT.addressUnavailable : EXIT.failed;
}

const ADDRESS_CODES: ReadonlySet<string> = new Set(['EADDRINUSE', 'EADDRNOTAVAIL']);
const MAX_CAUSES = 10;

/** The fields of the log line about what ended a server: its sentences, and the whole error only when it is a bug. */
export function failureFields(error: unknown): { readonly reason: string } | { readonly err: unknown } {
  const sentences = describe(error);
  return sentences === undefined ? { err: error } : { reason: sentences.join(' ') };
}

/** Sentences for what can go wrong without a bug; undefined for a bug. */
function describe(error: unknown): readonly string[] | undefined {
  const problems = problemsOf(error);
  if (problems) return problems;
  if (isStoreError(error) && error.kind !== 'internal') return [error.message];
  if (error instanceof Error && 'syscall' in error && 'code' in error) return [describeSystemError(error)];
  return undefined;
}

function describeBug(error: unknown): readonly string[] {
  const what = error instanceof Error ? error.message : String(error);
  return [`something unexpected went wrong: ${what}`, 'this is a bug; with ZAS_DEBUG=1 the stack is shown.'];
}

/** What the operating system refused; an address to listen on is what people meet. */
function describeSystemError(error: Error & { readonly code: unknown; readonly syscall: unknown }): string {
  if (error.syscall !== 'listen') return error.message;
  const port = 'port' in error ? `:${String(error.port)}` : '';
  const address = `${'address' in error ? String(error.address) : 'the address'}${port}`;
  switch (error.code) {
    case 'EADDRINUSE':
      return `${address} is in use by another program; end that one, or choose another port with --port.`;
    case 'EADDRNOTAVAIL':
      return `${address} is not an address of this machine; choose one that is with --host.`;
    case 'EACCES':
      return `${address} may not be listened on by this user; choose a port above 1023 with --port.`;
    default:
      return error.message;
  }
}

/** Errors that carry sentences of their own, one per thing that is wrong with what was configured. */
function problemsOf(error: unknown): readonly string[] | undefined {
  if (!(error instanceof Error) || !('problems' in error) || !Array.isArray(error.problems)) return undefined;
  return error.problems.map(String);
}

function codes(error: unknown): string[] {
  const found: string[] = [];
  let current = error;
  for (let depth = 0; depth < MAX_CAUSES && current instanceof Error; depth += 1) {
    if ('code' in current) found.push(String(current.code));
    current = current.cause;
  }
  return found;
}

function stackOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const cause = error.cause === undefined ? '' : `\ncaused by: ${stackOf(error.cause)}`;
  return `${error.stack ?? error.message}${cause}`;
}
