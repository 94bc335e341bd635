/**
 * A string of a policy with wildcards: `*` is any run of characters, `?` any one, `${name}` what the request has for
 * that policy variable, taken literally. `${*}`, `${?}` and `${$}` are those characters themselves.
 */
export interface Pattern {
  readonly source: string;
  readonly tokens: readonly Token[];
  /** What it matches with and without regard to case, worked out once; undefined when that depends on the request. */
  readonly fixed: { readonly exact: Matcher; readonly folded: Matcher } | undefined;
}

type Matcher = (text: string) => boolean;

type Token =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'any' }
  | { readonly kind: 'run' }
  | { readonly kind: 'variable'; readonly name: string; readonly fallback: string | undefined };

/** What a policy variable stands for in this request; undefined when the request has no such value. */
export type Variables = (name: string) => string | undefined;

export interface PatternOptions {
  /** Only documents of version 2012-10-17 know variables. */
  readonly hasVariables: boolean;
  readonly hasWildcards: boolean;
}

export function parsePattern(source: string, { hasVariables, hasWildcards }: PatternOptions): Pattern {
  const tokens: Token[] = [];
  let text = '';
  const flush = (): void => {
    if (text !== '') tokens.push({ kind: 'text', text });
    text = '';
  };
  for (let at = 0; at < source.length; at++) {
    const char = source[at] ?? '';
    const end = hasVariables && char === '$' && source[at + 1] === '{' ? source.indexOf('}', at) : -1;
    if (end > 0) {
      const inner = source.slice(at + 2, end);
      at = end;
      if (inner === '*' || inner === '?' || inner === '$') {
        text += inner;
        continue;
      }
      flush();
      tokens.push(parseVariable(inner));
    } else if (hasWildcards && (char === '*' || char === '?')) {
      flush();
      // A run of `*` is one `*`.
      if (char === '?') tokens.push({ kind: 'any' });
      else if (tokens.at(-1)?.kind !== 'run') tokens.push({ kind: 'run' });
    } else {
      text += char;
    }
  }
  flush();
  return { source, tokens, fixed: fixedMatchers(tokens) };
}

function fixedMatchers(tokens: readonly Token[]): Pattern['fixed'] {
  if (tokens.some(({ kind }) => kind === 'variable')) return undefined;
  return { exact: matcher(tokens, false), folded: matcher(tokens, true) };
}

/** Most patterns are a text, or one with a run at its end. */
function matcher(tokens: readonly Token[], ignoreCase: boolean): Matcher {
  const [first, second, ...more] = tokens;
  if (first === undefined) return (text) => text === '';
  if (first.kind === 'run' && second === undefined) return () => true;
  if (first.kind === 'text' && more.length === 0) {
    const start = ignoreCase ? first.text.toLowerCase() : first.text;
    if (second === undefined) return (text) => text === start;
    if (second.kind === 'run') return (text) => text.startsWith(start);
  }
  const codes = resolve(tokens, () => undefined, ignoreCase) ?? [];
  return (text) => matchCodes(codes, text);
}

/** `aws:username`, or `aws:PrincipalTag/team, 'default'`. */
function parseVariable(inner: string): Token {
  const comma = inner.indexOf(',');
  const name = (comma < 0 ? inner : inner.slice(0, comma)).trim().toLowerCase();
  const rest = comma < 0 ? undefined : inner.slice(comma + 1).trim();
  const isQuoted = rest !== undefined && rest.length >= 2 && rest.startsWith("'") && rest.endsWith("'");
  return { kind: 'variable', name, fallback: isQuoted ? rest.slice(1, -1) : undefined };
}

const RUN = -1;
const ANY = -2;

/** Whether all of `text` matches. Time is bounded by the product of both lengths, whatever the wildcards. */
export function matches(pattern: Pattern, text: string, variables: Variables, ignoreCase = false): boolean {
  const compared = ignoreCase ? text.toLowerCase() : text;
  const { fixed, tokens } = pattern;
  if (fixed !== undefined) return ignoreCase ? fixed.folded(compared) : fixed.exact(compared);
  const codes = resolve(tokens, variables, ignoreCase);
  return codes !== undefined && matchCodes(codes, compared);
}

/** Undefined when a variable has no value: then the pattern matches nothing. */
function resolve(
  tokens: readonly Token[],
  variables: Variables,
  ignoreCase: boolean,
): readonly number[] | undefined {
  const codes: number[] = [];
  const append = (text: string): void => {
    const folded = ignoreCase ? text.toLowerCase() : text;
    for (let i = 0; i < folded.length; i++) codes.push(folded.charCodeAt(i));
  };
  for (const token of tokens) {
    if (token.kind === 'run') codes.push(RUN);
    else if (token.kind === 'any') codes.push(ANY);
    else if (token.kind === 'text') append(token.text);
    else {
      const value = variables(token.name) ?? token.fallback;
      if (value === undefined) return undefined;
      append(value);
    }
  }
  return codes;
}

/** Greedy with one point to come back to: after a later `*` there is no need to try an earlier one again. */
function matchCodes(codes: readonly number[], text: string): boolean {
  let at = 0;
  let position = 0;
  let runAt = -1;
  let runPosition = 0;
  while (position < text.length) {
    const code = codes[at];
    if (code === RUN) {
      runAt = at++;
      runPosition = position;
    } else if (code === ANY || (code !== undefined && code === text.charCodeAt(position))) {
      at++;
      position++;
    } else if (runAt >= 0) {
      at = runAt + 1;
      position = ++runPosition;
    } else {
      return false;
    }
  }
  while (codes[at] === RUN) at++;
  return at === codes.length;
}
