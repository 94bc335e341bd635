// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what headers cannot hold
const CONTROLS = /[\x00-\x08\x0a-\x1f\x7f]/;

/**
 * Text as node:http takes header values, one character for each byte of its UTF-8; undefined when it holds control
 * characters, which no header can.
 */
export function latin1HeaderValue(text: string): string | undefined {
  return CONTROLS.test(text) ? undefined : Buffer.from(text).toString('latin1');
}
