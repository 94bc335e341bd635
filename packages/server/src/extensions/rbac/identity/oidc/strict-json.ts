const MAX_DEPTH = 32;

/**
 * The object a JSON text holds. Throws an Error for what is not JSON, is no object, is nested deeper than 32 levels, or
 * names a member twice: parsers differ in which of two they believe, and who signs may read another one than who checks.
 */
export function parseStrictObject(text: string): Readonly<Record<string, unknown>> {
  assertPlain(text);
  const value: unknown = JSON.parse(text);
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new Error('it is no object');
  return value as Readonly<Record<string, unknown>>; // an object of JSON has string keys
}

/** Looks at brackets and names only, without recursion; the syntax is left to JSON.parse. */
function assertPlain(text: string): void {
  const names: Set<string>[] = [];
  for (let at = 0; at < text.length; at += 1) {
    const char = text[at];
    if (char === '{' || char === '[') {
      if (names.push(new Set()) > MAX_DEPTH) throw new Error(`it is nested deeper than ${MAX_DEPTH} levels`);
    } else if (char === '}' || char === ']') {
      names.pop();
    } else if (char === '"') {
      const end = endOfString(text, at);
      if (isName(text, end)) remember(names.at(-1), text.slice(at, end));
      at = end - 1;
    }
  }
}

/** The index after the closing quote. */
function endOfString(text: string, start: number): number {
  for (let at = start + 1; at < text.length; at += 1) {
    if (text[at] === '\\') at += 1;
    else if (text[at] === '"') return at + 1;
  }
  return text.length;
}

function isName(text: string, after: number): boolean {
  let at = after;
  while (at < text.length && ' \t\r\n'.includes(text[at] ?? '')) at += 1;
  return text[at] === ':';
}

function remember(names: Set<string> | undefined, literal: string): void {
  const name: unknown = JSON.parse(literal);
  if (names === undefined || typeof name !== 'string') return;
  if (names.has(name)) throw new Error(`it has "${name.slice(0, 40)}" twice`);
  names.add(name);
}
