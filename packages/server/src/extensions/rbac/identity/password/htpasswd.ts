import { shaCryptRounds } from './sha-crypt.ts';

export interface Htpasswd {
  /** Hash by user: bcrypt in the spelling the bcrypt library takes, or SHA-crypt. */
  readonly hashes: ReadonlyMap<string, string>;
  /** The hash that takes longest to check, which an unknown user is made to cost; undefined without users. */
  readonly costliest: string | undefined;
}

export type ParsedHtpasswd =
  | { readonly ok: true; readonly file: Htpasswd }
  | { readonly ok: false; readonly problems: readonly string[] };

const BCRYPT = /^\$2[aby]\$(\d\d)\$[./A-Za-z0-9]{53}$/;
const MIN_COST = 4;
/** About four seconds of one core; above it a login is an attack on the server. */
const MAX_COST = 16;
const MIN_ROUNDS = 1_000;
/** A second or two of one core. */
const MAX_ROUNDS = 1_000_000;
/** One bcrypt of cost 0, if there were one, takes as long as so many rounds of SHA-crypt. */
const ROUNDS_PER_BCRYPT = 40;
const MAX_PROBLEMS = 20;

/** What other hashes call themselves. */
const OTHER_SCHEMES: readonly (readonly [RegExp, string])[] = [
  [/^\$apr1\$/, "Apache's MD5 ($apr1$)"],
  [/^\$1\$/, 'MD5 ($1$)'],
  [/^\$argon2/, 'Argon2'],
  [/^\$y\$/, 'yescrypt'],
  [/^\{SHA\}/i, 'SHA-1 ({SHA})'],
  [/^\{SSHA\}/i, 'salted SHA-1 ({SSHA})'],
];

/**
 * The users of an htpasswd file. Empty lines and lines that start with `#` are skipped; of two lines for one user the
 * last counts, as in zot. Hashes other than bcrypt and SHA-crypt are refused, with the number of the line.
 */
export function parseHtpasswd(text: string): ParsedHtpasswd {
  const hashes = new Map<string, string>();
  const problems: string[] = [];
  let number = 0;
  for (const rawLine of text.split('\n')) {
    number += 1;
    const line = rawLine.trim();
    if (line === '' || line.startsWith('#')) continue;
    const colon = line.indexOf(':');
    const hash = line.slice(colon + 1);
    const problem = colon < 1 ? 'is not "user:hash"' : refusal(line.slice(0, colon), hash);
    if (problem === undefined) {
      hashes.set(line.slice(0, colon), hash.replace(/^\$2y\$/, '$2b$'));
    } else if (problems.length < MAX_PROBLEMS) {
      problems.push(`line ${number} ${problem}`);
    }
  }
  if (problems.length > 0) return { ok: false, problems };
  const [costliest] = [...hashes.values()].sort((a, b) => effortOf(b) - effortOf(a));
  return { ok: true, file: { hashes, costliest } };
}

/** Never shows the hash itself. */
function refusal(user: string, hash: string): string | undefined {
  const who = JSON.stringify(user.slice(0, 80));
  if (BCRYPT.test(hash)) {
    const cost = costOf(hash);
    if (cost >= MIN_COST && cost <= MAX_COST) return undefined;
    return `has a bcrypt hash for ${who} of cost ${cost}; ${MIN_COST} to ${MAX_COST} are accepted`;
  }
  const rounds = shaCryptRounds(hash);
  if (rounds !== undefined) {
    if (rounds >= MIN_ROUNDS && rounds <= MAX_ROUNDS) return undefined;
    return `has a SHA-crypt hash for ${who} of ${rounds} rounds; ${MIN_ROUNDS} to ${MAX_ROUNDS} are accepted`;
  }
  const advice = 'make a bcrypt hash with "htpasswd -B"';
  if (hash.startsWith('$2')) return `has a damaged bcrypt hash for ${who}; ${advice}`;
  if (/^\$[56]\$/.test(hash)) return `has a damaged SHA-crypt hash for ${who}; ${advice}`;
  const scheme = OTHER_SCHEMES.find(([pattern]) => pattern.test(hash))?.[1];
  if (scheme !== undefined) return `has a ${scheme} hash for ${who}, which is not supported; ${advice}`;
  return `has no hash this server knows for ${who}; ${advice}`;
}

/** How long a check takes, in rounds of SHA-crypt. */
function effortOf(hash: string): number {
  return shaCryptRounds(hash) ?? ROUNDS_PER_BCRYPT * 2 ** costOf(hash);
}

function costOf(hash: string): number {
  return Number(BCRYPT.exec(hash)?.[1] ?? 0);
}
