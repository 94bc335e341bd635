import { setImmediate } from 'node:timers/promises';
import { SaxesParser } from 'saxes';
import { S3Error } from '../errors.ts';

/** An element without its namespace prefix; `text` is its own text, trimmed when it also has children. */
export interface XmlNode {
  readonly name: string;
  readonly text: string;
  readonly children: readonly XmlNode[];
  readonly attributes: Readonly<Record<string, string>>;
}

interface Building {
  readonly name: string;
  text: string;
  readonly children: XmlNode[];
  readonly attributes: Readonly<Record<string, string>>;
}

/**
 * Keys may hold control characters, and clients spell them as references, which only XML 1.1 knows. It is not taken
 * where there are none, because it changes U+0085 and U+2028 to line feeds.
 */
const CONTROL_REFERENCE = /&#(?:x0*1?[0-9a-f]|0*[12]?\d|0*3[01]);/i;

/** No request document of S3 is deeper, */
const MAX_DEPTH = 12;
/** has more elements, but for a list of parts, */
const MAX_ELEMENTS = 20_000;
/** or more attributes. A small document of nothing but these takes a hundred times its size, and seconds. */
const MAX_ATTRIBUTES = 2_000;
/** Takes some milliseconds at most. */
const PIECE_CHARS = 32 * 1024;

/**
 * A request document: well-formed XML in UTF-8 with root element `root`, with or without a namespace. Document type
 * declarations, and with them entities of one's own, are refused. Throws MalformedXML.
 */
export function parseXml(bytes: Uint8Array, root: string): XmlNode {
  const text = decode(bytes);
  const builder = new Builder(text, MAX_ELEMENTS);
  builder.write(text);
  return builder.end(root);
}

/** The same for documents of megabytes: other requests have their turn while it is read. */
export async function parseLongXml(
  bytes: Uint8Array,
  root: string,
  { maxElements = MAX_ELEMENTS }: { readonly maxElements?: number } = {},
): Promise<XmlNode> {
  const text = decode(bytes);
  const builder = new Builder(text, maxElements);
  for (let at = 0; at < text.length; at += PIECE_CHARS) {
    if (at > 0) await setImmediate();
    builder.write(text.slice(at, at + PIECE_CHARS));
  }
  return builder.end(root);
}

/** The first child of that name. */
export function child(node: XmlNode, name: string): XmlNode | undefined {
  return node.children.find((each) => each.name === name);
}

export function childrenNamed(node: XmlNode, name: string): readonly XmlNode[] {
  return node.children.filter((each) => each.name === name);
}

/** The text of the first child of that name. */
export function childText(node: XmlNode, name: string): string | undefined {
  return child(node, name)?.text;
}

export function malformed(why: string, cause?: unknown): S3Error {
  return new S3Error(
    'MalformedXML',
    `The XML you provided was not well-formed or did not validate against our published schema: ${why}`,
    cause === undefined ? {} : { cause },
  );
}

function decode(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (cause) {
    throw malformed('it is not UTF-8', cause);
  }
}

class Builder {
  readonly #parser: SaxesParser;
  readonly #open: Building[] = [];
  readonly #maxElements: number;
  #elements = 0;
  #attributes = 0;
  #document: XmlNode | undefined;

  /** The whole text says which XML it is. */
  constructor(whole: string, maxElements: number) {
    this.#maxElements = maxElements;
    const defaultXMLVersion = CONTROL_REFERENCE.test(whole) ? '1.1' : '1.0';
    const parser = new SaxesParser({ xmlns: false, defaultXMLVersion, forceXMLVersion: true });
    parser.on('error', (error) => {
      throw malformed(error.message, error);
    });
    parser.on('doctype', () => {
      throw malformed('a document type declaration is not allowed');
    });
    parser.on('attribute', () => {
      this.#attributes += 1;
      if (this.#attributes > MAX_ATTRIBUTES) throw malformed(`it has more than ${MAX_ATTRIBUTES} attributes`);
    });
    parser.on('opentag', ({ name, attributes }) => this.#start(name, attributes));
    const addText = (piece: string): void => {
      const top = this.#open.at(-1);
      if (top !== undefined) top.text += piece;
    };
    parser.on('text', addText);
    parser.on('cdata', addText);
    parser.on('closetag', () => this.#finish());
    this.#parser = parser;
  }

  write(text: string): void {
    this.#parser.write(text);
  }

  end(root: string): XmlNode {
    this.#parser.close();
    const document = this.#document;
    if (document === undefined) throw malformed('there is no element in it');
    if (document.name !== root) throw malformed(`the root element is ${document.name}, not ${root}`);
    return document;
  }

  #start(name: string, attributes: Readonly<Record<string, string>>): void {
    this.#elements += 1;
    if (this.#elements > this.#maxElements) throw malformed(`it has more than ${this.#maxElements} elements`);
    if (this.#open.length >= MAX_DEPTH) throw malformed(`elements are nested deeper than ${MAX_DEPTH}`);
    this.#open.push({ name: localName(name), text: '', children: [], attributes });
  }

  #finish(): void {
    const closed = this.#open.pop();
    if (closed === undefined) return;
    const node = closed.children.length > 0 ? { ...closed, text: closed.text.trim() } : closed;
    const parent = this.#open.at(-1);
    if (parent === undefined) this.#document = node;
    else parent.children.push(node);
  }
}

function localName(name: string): string {
  return name.slice(name.indexOf(':') + 1);
}
