/** Where something stands in a text; both count from 1. */
export interface TextPosition {
  readonly line: number;
  readonly column: number;
}

/** What is no JSON, or says something twice. */
export class JsonProblem extends Error {
  override readonly name = 'JsonProblem';
  readonly position: TextPosition;

  constructor(what: string, position: TextPosition) {
    super(what);
    this.position = position;
  }
}

export interface JsonSource {
  readonly value: unknown;
  /** Of `Statement[0].Action`, or the nearest thing around it that is there. */
  positionOf(place: string): TextPosition;
}

const MAX_DEPTH = 16;
const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
const WORDS: readonly (readonly [word: string, value: unknown])[] = [
  ['true', true],
  ['false', false],
  ['null', null],
];

/**
 * JSON with the place of every value. A key that is given twice is refused, because readers differ in which of the two
 * they take. Throws JsonProblem.
 */
export function readJson(text: string): JsonSource {
  const reader = new Reader(text);
  const value = reader.whole();
  return {
    value,
    positionOf(place) {
      for (let around = place; around !== ''; around = parentOf(around)) {
        const offset = reader.offsets.get(around);
        if (offset !== undefined) return positionAt(text, offset);
      }
      return positionAt(text, reader.offsets.get('') ?? 0);
    },
  };
}

class Reader {
  readonly offsets = new Map<string, number>();
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  whole(): unknown {
    const value = this.#value('', 0);
    this.#blanks();
    if (this.#at < this.#text.length) this.#fail('there is more behind the end of the document');
    return value;
  }

  #value(place: string, depth: number): unknown {
    this.#blanks();
    this.offsets.set(place, this.#at);
    if (depth > MAX_DEPTH) this.#fail(`lists and objects lie in each other more than ${MAX_DEPTH} deep`);
    const char = this.#text[this.#at];
    if (char === '{') return this.#object(place, depth);
    if (char === '[') return this.#list(place, depth);
    if (char === '"') return this.#string();
    for (const [word, value] of WORDS) {
      if (!this.#text.startsWith(word, this.#at)) continue;
      this.#at += word.length;
      return value;
    }
    NUMBER.lastIndex = this.#at;
    const number = NUMBER.exec(this.#text)?.[0];
    if (number === undefined) {
      return this.#fail(char === undefined ? 'the document ends too early' : 'a value is missing here');
    }
    this.#at += number.length;
    return Number(number);
  }

  #object(place: string, depth: number): Record<string, unknown> {
    const object: Record<string, unknown> = Object.create(null);
    this.#at += 1;
    for (let isFirst = true; ; isFirst = false) {
      this.#blanks();
      if (isFirst && this.#take('}')) return object;
      if (this.#text[this.#at] !== '"') this.#fail('a key in double quotes is missing here');
      const keyAt = this.#at;
      const key = this.#string();
      if (Object.hasOwn(object, key)) this.#fail(`"${key.slice(0, 80)}" is given twice`, keyAt);
      this.#blanks();
      if (!this.#take(':')) this.#fail('a colon is missing here');
      object[key] = this.#value(place === '' ? key : `${place}.${key}`, depth + 1);
      this.#blanks();
      if (this.#take('}')) return object;
      if (!this.#take(',')) this.#fail('a comma or "}" is missing here');
    }
  }

  #list(place: string, depth: number): unknown[] {
    const list: unknown[] = [];
    this.#at += 1;
    for (;;) {
      this.#blanks();
      if (list.length === 0 && this.#take(']')) return list;
      list.push(this.#value(`${place}[${list.length}]`, depth + 1));
      this.#blanks();
      if (this.#take(']')) return list;
      if (!this.#take(',')) this.#fail('a comma or "]" is missing here');
    }
  }

  #string(): string {
    const start = this.#at;
    for (this.#at += 1; this.#text[this.#at] !== '"'; this.#at += 1) {
      const char = this.#text[this.#at];
      if (char === undefined) this.#fail('a text has no closing quote', start);
      if (char === '\\') this.#at += 1;
    }
    this.#at += 1;
    try {
      return String(JSON.parse(this.#text.slice(start, this.#at)));
    } catch {
      return this.#fail('a text holds a control character or a broken escape', start);
    }
  }

  #take(char: string): boolean {
    if (this.#text[this.#at] !== char) return false;
    this.#at += 1;
    return true;
  }

  #blanks(): void {
    while (' \t\r\n'.includes(this.#text[this.#at] ?? 'x')) this.#at += 1;
  }

  #fail(what: string, at = this.#at): never {
    throw new JsonProblem(what, positionAt(this.#text, at));
  }
}

function positionAt(text: string, offset: number): TextPosition {
  const before = text.slice(0, offset);
  const lineStart = before.lastIndexOf('\n') + 1;
  let line = 1;
  for (let at = before.indexOf('\n'); at >= 0; at = before.indexOf('\n', at + 1)) line += 1;
  return { line, column: offset - lineStart + 1 };
}

/** A key may have dots of its own; what is not found is looked for further out. */
function parentOf(place: string): string {
  return place.slice(0, Math.max(place.lastIndexOf('.'), place.lastIndexOf('['), 0));
}
