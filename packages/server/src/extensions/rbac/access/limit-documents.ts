import { parsePolicy } from '../../../policy/parse-policy.ts';
import { type Policy, PolicyProblem } from '../../../policy/policy.ts';

const MAX_REMEMBERED = 1_000;
const MAX_BYTES = 64 * 1024;

/** What narrows credentials, parsed once for each text; undefined for what is no policy, which allows nothing. */
export class LimitDocuments {
  readonly #parsed = new Map<string, Policy | undefined>();

  parsed(document: string): Policy | undefined {
    const known = this.#parsed.get(document);
    if (known !== undefined || this.#parsed.has(document)) return known;
    const policy = parse(document);
    if (this.#parsed.size >= MAX_REMEMBERED) this.#parsed.clear();
    this.#parsed.set(document, policy);
    return policy;
  }
}

function parse(document: string): Policy | undefined {
  try {
    return parsePolicy(document, { kind: 'identity', maxBytes: MAX_BYTES });
  } catch (error) {
    if (error instanceof PolicyProblem) return undefined;
    throw error;
  }
}
