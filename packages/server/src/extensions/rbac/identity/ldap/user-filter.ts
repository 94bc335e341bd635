import { AndFilter, EqualityFilter, type Filter, FilterParser } from 'ldapts';

/**
 * The filter for one user. The name is a value that is encoded by its length, and never part of a filter's text, so that
 * no character in it means anything.
 */
export function filterForUser(options: {
  readonly attribute: string;
  readonly user: string;
  readonly userFilter?: string | undefined;
}): Filter {
  const equal = new EqualityFilter({ attribute: options.attribute, value: options.user });
  if (options.userFilter === undefined) return equal;
  return new AndFilter({ filters: [equal, parseUserFilter(options.userFilter)] });
}

/** A filter of the configuration, with or without the outermost parentheses. Throws what the parser throws. */
export function parseUserFilter(text: string): Filter {
  const trimmed = text.trim();
  return FilterParser.parseString(trimmed.startsWith('(') ? trimmed : `(${trimmed})`);
}
