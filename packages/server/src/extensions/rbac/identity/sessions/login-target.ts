const MAX_TARGET_CHARS = 2_000;

/**
 * Where a browser may be sent after its login: a path of this server, or an address at one of the origins. '' when
 * nothing was asked for; `/` for everything else, as in zot. A browser takes `\` for `/`, and passes over tabs and line
 * breaks, so what has one is not looked at any further.
 */
export function loginTarget(asked: string | undefined, origins: readonly string[]): string {
  if (asked === undefined || asked === '') return '';
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is refused
  if (asked.length > MAX_TARGET_CHARS || /[\x00-\x20\x7f-\uffff\\]/.test(asked) || /%5c/i.test(asked))
    return '/';
  if (asked.startsWith('/')) return asked.startsWith('//') ? '/' : asked;
  const url = URL.parse(asked);
  if (url === null || !/^https?:$/.test(url.protocol) || url.username !== '' || url.password !== '')
    return '/';
  return origins.includes(url.origin) ? url.href : '/';
}
