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

/** No request document of S3 is deeper. */
const MAX_DEPTH = 12;

/**
 * A request document: well-formed XML in UTF-8 with root element `root`, with or without a namespace. Document type
 * declarations, and with them entities of one's own, are refused. Throws MalformedXML.
 */
export function parseXml(bytes: Uint8Array, root: string): XmlNode {
  const document = build(decode(bytes));
  if (document.name !== root) throw malformed(`the root element is ${document.name}, not ${root}`);
  return document;
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

function build(text: string): XmlNode {
  const defaultXMLVersion = CONTROL_REFERENCE.test(text) ? '1.1' : '1.0';
  const parser = new SaxesParser({ xmlns: false, defaultXMLVersion, forceXMLVersion: true });
  const open: Building[] = [];
  let document: XmlNode | undefined;
  parser.on('error', (error) => {
    throw malformed(error.message, error);
  });
  parser.on('doctype', () => {
    throw malformed('a document type declaration is not allowed');
  });
  parser.on('opentag', ({ name, attributes }) => {
    if (open.length >= MAX_DEPTH) throw malformed(`elements are nested deeper than ${MAX_DEPTH}`);
    open.push({ name: localName(name), text: '', children: [], attributes });
  });
  const addText = (piece: string): void => {
    const top = open.at(-1);
    if (top !== undefined) top.text += piece;
  };
  parser.on('text', addText);
  parser.on('cdata', addText);
  parser.on('closetag', () => {
    const closed = open.pop();
    if (closed === undefined) return;
    const node = closed.children.length > 0 ? { ...closed, text: closed.text.trim() } : closed;
    const parent = open.at(-1);
    if (parent === undefined) document = node;
    else parent.children.push(node);
  });
  parser.write(text).close();
  if (document === undefined) throw malformed('there is no element in it');
  return document;
}

function localName(name: string): string {
  return name.slice(name.indexOf(':') + 1);
}
