/** A pattern of repository names, compiled. */
export interface Glob {
  readonly source: string;
  /** Takes time in proportion to the product of both lengths at most, whatever the pattern. */
  matches(text: string): boolean;
}

/** A pattern that means nothing: an unclosed class or brace, or a backslash at its end. */
export class GlobProblem extends Error {
  override readonly name = 'GlobProblem';
}

const MAX_LENGTH = 1024;
const SLASH = '/';

/** One step of the automaton. A step without `takes` costs no character. */
interface State {
  takes?: (char: string) => boolean;
  readonly next: number[];
}

/**
 * A doublestar pattern, as zot's: `*` is any run of characters of one part of the name, `?` one such character,
 * `[a-z]`, `[^a-z]` and `[!a-z]` one of a class, `{a,b}` either, and `**` as a whole part any number of parts, none
 * among them: `a/**` matches `a`, too. A backslash takes the next character as it is. Throws GlobProblem.
 */
export function parseGlob(source: string): Glob {
  if (source.length > MAX_LENGTH) throw new GlobProblem(`has more than ${MAX_LENGTH} characters`);
  const compiler = new Compiler(source);
  const start = compiler.state();
  const end = compiler.sequence(start, { isNested: false });
  return { source, matches: (text) => run(compiler.states, { start, end }, text) };
}

/** All states a pattern can be in after each character: there is never a way back to try. */
function run(
  states: readonly State[],
  { start, end }: { readonly start: number; readonly end: number },
  text: string,
): boolean {
  let current = closure(states, [start]);
  for (const char of text) {
    const reached: number[] = [];
    for (const index of current) {
      const state = states[index];
      if (state?.takes?.(char)) reached.push(...state.next);
    }
    current = closure(states, reached);
    if (current.size === 0) return false;
  }
  return current.has(end);
}

function closure(states: readonly State[], from: readonly number[]): ReadonlySet<number> {
  const found = new Set<number>();
  const open = [...from];
  for (let index = open.pop(); index !== undefined; index = open.pop()) {
    if (found.has(index)) continue;
    found.add(index);
    const state = states[index];
    if (state !== undefined && state.takes === undefined) open.push(...state.next);
  }
  return found;
}

const isAnything = (): boolean => true;
const isInPart = (char: string): boolean => char !== SLASH;

class Compiler {
  readonly states: State[] = [];
  readonly #source: string;
  #at = 0;

  constructor(source: string) {
    this.#source = source;
  }

  state(takes?: (char: string) => boolean): number {
    this.states.push(takes === undefined ? { next: [] } : { takes, next: [] });
    return this.states.length - 1;
  }

  /** Compiles up to the end, or in braces up to their next comma or end; gives the state behind it. */
  sequence(from: number, { isNested }: { readonly isNested: boolean }): number {
    let last = from;
    while (this.#at < this.#source.length) {
      const char = this.#source[this.#at] ?? '';
      if (isNested && (char === ',' || char === '}')) return last;
      if (this.#isWholePart('**')) last = this.#anyParts(last);
      else if (this.#source.startsWith('/**', this.#at) && this.#endsPart(this.#at + 3)) {
        last = this.#restOfParts(last);
      } else last = this.#one(last, char);
    }
    return last;
  }

  #one(from: number, char: string): number {
    this.#at += 1;
    switch (char) {
      case '*':
        while (this.#source[this.#at] === '*') this.#at += 1;
        return this.#loop(from, isInPart);
      case '?':
        return this.#take(from, isInPart);
      case '[':
        return this.#take(from, this.#class());
      case '{':
        return this.#either(from);
      case '\\':
        if (this.#at >= this.#source.length) throw new GlobProblem('ends in a backslash');
        return this.#literal(from, this.#source[this.#at++] ?? '');
      default:
        return this.#literal(from, char);
    }
  }

  /** Whether `text` stands here with nothing else in its part of the name. */
  #isWholePart(text: string): boolean {
    const before = this.#source[this.#at - 1];
    if (before !== undefined && before !== SLASH && before !== '{' && before !== ',') return false;
    return this.#source.startsWith(text, this.#at) && this.#endsPart(this.#at + text.length);
  }

  #endsPart(at: number): boolean {
    const after = this.#source[at];
    return after === undefined || after === SLASH || after === '}' || after === ',';
  }

  /** Two stars at the beginning of a name or behind a slash: any parts, each with the slash behind it. */
  #anyParts(from: number): number {
    this.#at += 2;
    const behind = this.#loop(from, isAnything);
    if (this.#source[this.#at] !== SLASH) return behind;
    this.#at += 1;
    const end = this.#literal(behind, SLASH);
    this.#link(from, end);
    return end;
  }

  /** A slash and two stars: any parts, each with the slash before it. */
  #restOfParts(from: number): number {
    this.#at += 3;
    const end = this.#loop(this.#literal(from, SLASH), isAnything);
    this.#link(from, end);
    return end;
  }

  #either(from: number): number {
    const end = this.state();
    for (;;) {
      const start = this.state();
      this.#link(from, start);
      this.#link(this.sequence(start, { isNested: true }), end);
      const char = this.#source[this.#at++];
      if (char === '}') return end;
      if (char === undefined) throw new GlobProblem('has a "{" without its "}"');
    }
  }

  #class(): (char: string) => boolean {
    const isNegated = this.#source[this.#at] === '^' || this.#source[this.#at] === '!';
    if (isNegated) this.#at += 1;
    const ranges: (readonly [string, string])[] = [];
    if (this.#source[this.#at] === ']') throw new GlobProblem('has an empty class, "[]"');
    while (this.#source[this.#at] !== ']') {
      const low = this.#classChar();
      let high = low;
      if (this.#source[this.#at] === '-' && this.#source[this.#at + 1] !== ']') {
        this.#at += 1;
        high = this.#classChar();
      }
      ranges.push([low, high]);
    }
    this.#at += 1;
    return (char) =>
      char !== SLASH && ranges.some(([low, high]) => low <= char && char <= high) !== isNegated;
  }

  #classChar(): string {
    if (this.#source[this.#at] === '\\') this.#at += 1;
    const char = this.#source[this.#at++];
    if (char === undefined) throw new GlobProblem('has a "[" without its "]"');
    return char;
  }

  #literal(from: number, wanted: string): number {
    return this.#take(from, (char) => char === wanted);
  }

  #take(from: number, takes: (char: string) => boolean): number {
    const taking = this.state(takes);
    const behind = this.state();
    this.#link(from, taking);
    this.#link(taking, behind);
    return behind;
  }

  #loop(from: number, takes: (char: string) => boolean): number {
    const hub = this.state();
    const taking = this.state(takes);
    this.#link(from, hub);
    this.#link(hub, taking);
    this.#link(taking, hub);
    const behind = this.state();
    this.#link(hub, behind);
    return behind;
  }

  #link(from: number, to: number): void {
    this.states[from]?.next.push(to);
  }
}
