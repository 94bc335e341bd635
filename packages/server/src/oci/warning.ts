// "A registry MUST NOT send more than 4096 bytes of warning data from all headers combined" (distribution-spec,
// "Warnings"); escaping at most doubles the text.
const MAX_TEXT_LENGTH = 2000;

/**
 * Something the registry wants a person to read, as the one `Warning` header of a response: "MUST specify a warn-code
 * of 299 and a warn-agent of -, and MUST NOT specify a warn-date value". What is not printable ASCII becomes `?`.
 */
export function warning(text: string): string {
  const printable = text.slice(0, MAX_TEXT_LENGTH).replace(/[^ -~]/g, '?');
  return `299 - "${printable.replace(/["\\]/g, '\\$&')}"`;
}
