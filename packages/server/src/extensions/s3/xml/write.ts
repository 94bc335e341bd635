/**
 * A document as nested data: text, one element, or several of the same name. Elements come out in the order of the
 * keys; undefined ones are left out. A key `@name` is an attribute.
 */
export type XmlContent =
  | string
  | number
  | boolean
  | XmlElement
  | XmlMix
  | RenderedXml
  | readonly XmlContent[]
  | undefined;
export interface XmlElement {
  readonly [name: string]: XmlContent;
}

/** Elements of several names in an order of their own; the key it stands under is not used. */
export class XmlMix {
  readonly elements: readonly (readonly [name: string, content: XmlContent])[];

  constructor(elements: readonly (readonly [name: string, content: XmlContent])[]) {
    this.elements = elements;
  }
}

/** What stands inside an element, rendered already: for the elements of long lists. */
export class RenderedXml {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

export const S3_NAMESPACE = 'http://s3.amazonaws.com/doc/2006-03-01/';

/** A success document in S3's namespace. */
export function s3Document(root: string, content: XmlElement): string {
  return xmlDocument(root, { '@xmlns': S3_NAMESPACE, ...content });
}

/** A success document that is one element with text. */
export function s3TextDocument(root: string, text: string): string {
  return `<?xml version="1.0" encoding="UTF-8"?>\n<${root} xmlns="${S3_NAMESPACE}">${escapeXml(text)}</${root}>`;
}

/** A document without a namespace, as error documents are. */
export function xmlDocument(root: string, content: XmlElement): string {
  return `<?xml version="1.0" encoding="UTF-8"?>\n${element(root, content)}`;
}

/** One element, for documents that are streamed piece by piece. */
export function element(name: string, content: XmlContent): string {
  if (content === undefined) return '';
  if (content instanceof RenderedXml) return `<${name}>${content.text}</${name}>`;
  if (content instanceof XmlMix)
    return content.elements.map(([each, inner]) => element(each, inner)).join('');
  if (Array.isArray(content)) return content.map((each: XmlContent) => element(name, each)).join('');
  if (typeof content !== 'object') return `<${name}>${escapeXml(String(content))}</${name}>`;
  let attributes = '';
  let inner = '';
  for (const [key, value] of Object.entries(content)) {
    if (key.startsWith('@')) attributes += ` ${key.slice(1)}="${escapeXml(String(value))}"`;
    else inner += element(key, value);
  }
  return `<${name}${attributes}>${inner}</${name}>`;
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: keys may hold them, and XML wants them escaped
const SPECIAL = /[<>&"'\x00-\x1f\x7f\ufffe\uffff]/g;
const ENTITIES: Readonly<Record<string, string>> = {
  '<': '&lt;',
  '>': '&gt;',
  '&': '&amp;',
  '"': '&quot;',
  "'": '&#39;',
};

/** Control characters become character references, as Amazon writes them, although XML 1.0 knows no such characters. */
export function escapeXml(text: string): string {
  return text.replace(SPECIAL, (char) => ENTITIES[char] ?? `&#x${char.charCodeAt(0).toString(16)};`);
}
