import { chainHash, type Head, readLine, startOfChain } from './chain.ts';
import { isSignedBy, readCheckpoint } from './checkpoint.ts';
import type { KnownStream } from './heads.ts';
import { readLines } from './read-lines.ts';
import type { VerifierKey } from './signing-key.ts';
import { headBefore, listFiles, listStreams } from './stream-files.ts';

export type FlawKind = 'altered' | 'missing' | 'reordered' | 'truncated' | 'signature' | 'unreadable';

export interface Flaw {
  readonly kind: FlawKind;
  readonly stream: string;
  /** The file and the line in it, from 1; undefined for what is wrong with the stream as a whole. */
  readonly file?: string;
  readonly line?: number;
  readonly message: string;
}

export interface StreamReport {
  readonly stream: string;
  readonly records: number;
  readonly firstSeq: number | undefined;
  readonly lastSeq: number | undefined;
  readonly checkpoints: number;
  /** Records behind the last checkpoint: chained, not signed yet. */
  readonly unsigned: number;
  /** Records that the server itself says it could not write. */
  readonly lost: number;
}

export interface VerifyReport {
  readonly streams: readonly StreamReport[];
  /** The first of them; all are counted. */
  readonly flaws: readonly Flaw[];
  readonly flawCount: number;
}

export interface VerifyOptions {
  /** The folder of the trail. */
  readonly folder: string;
  /** Whose checkpoints count; empty: signatures are not checked. */
  readonly keys: readonly VerifierKey[];
  /** What is known of the streams from elsewhere, of each as many as there are. */
  readonly known: ReadonlyMap<string, readonly KnownStream[]>;
  readonly signal: AbortSignal;
}

const MAX_FLAWS = 100;

/** Reads a whole trail and says where it is not what its server wrote. */
export async function verifyTrail(options: VerifyOptions): Promise<VerifyReport> {
  const flaws: Flaw[] = [];
  let flawCount = 0;
  const report = (flaw: Flaw): void => {
    flawCount += 1;
    if (flaws.length < MAX_FLAWS) flaws.push(flaw);
  };
  const names = new Set([...(await listStreams(options.folder)), ...options.known.keys()]);
  const streams: StreamReport[] = [];
  for (const stream of [...names].sort()) {
    streams.push(await new StreamVerifier(stream, options, report).verify());
  }
  return { streams, flaws, flawCount };
}

class StreamVerifier {
  readonly #stream: string;
  readonly #options: VerifyOptions;
  readonly #report: (flaw: Flaw) => void;
  /** The hashes that others remember, by the number of the record. */
  readonly #remembered = new Map<number, Buffer>();
  #head: Head;
  #records = 0;
  #checkpoints = 0;
  #unsigned = 0;
  #lost = 0;
  #firstSeq: number | undefined;

  constructor(stream: string, options: VerifyOptions, report: (flaw: Flaw) => void) {
    this.#stream = stream;
    this.#options = options;
    this.#report = report;
    this.#head = startOfChain(stream);
  }

  async verify(): Promise<StreamReport> {
    const { folder, signal } = this.#options;
    const known = this.#options.known.get(this.#stream) ?? [];
    const mustHave = this.#remember(known);
    const files = await listFiles(folder, this.#stream);
    const [first] = files;
    if (first !== undefined) this.#head = await this.#startOf(first, known);
    for (const [index, { path, name }] of files.entries()) {
      let line = 0;
      for await (const { text, isWhole } of readLines(path)) {
        signal.throwIfAborted();
        line += 1;
        const place = { stream: this.#stream, file: `${this.#stream}/${name}`, line };
        if (isWhole) this.#check(text, place);
        else if (index < files.length - 1) {
          this.#report({
            ...place,
            kind: 'unreadable',
            message: 'the last line is not whole, though a file follows',
          });
        }
      }
    }
    if (this.#head.seq < mustHave) {
      this.#report({
        kind: 'truncated',
        stream: this.#stream,
        message: `ends with record ${this.#head.seq}, and there was a record ${mustHave}`,
      });
    }
    return {
      stream: this.#stream,
      records: this.#records,
      firstSeq: this.#firstSeq,
      lastSeq: this.#records > 0 ? this.#head.seq : undefined,
      checkpoints: this.#checkpoints,
      unsigned: this.#unsigned,
      lost: this.#lost,
    };
  }

  /** The number of a record that there must be. */
  #remember(known: readonly KnownStream[]): number {
    let last = 0;
    for (const { head } of known) {
      const checkpoint = this.#trusted(head, {
        stream: this.#stream,
        message: 'what is remembered of its end',
      });
      if (checkpoint === undefined) continue;
      this.#remembered.set(checkpoint.seq, checkpoint.hash);
      last = Math.max(last, checkpoint.seq);
    }
    return last;
  }

  /** Where the chain begins: at its start, or where its server says that it removed what was before. */
  async #startOf(
    { path, firstSeq, name }: { readonly path: string; readonly firstSeq: number; readonly name: string },
    known: readonly KnownStream[],
  ): Promise<Head> {
    if (firstSeq === 1) return startOfChain(this.#stream);
    const before = (await headBefore(path)) ?? { seq: firstSeq - 1, hash: Buffer.alloc(32) };
    const removed = known.flatMap(({ keptAfter }) =>
      keptAfter === undefined
        ? []
        : (this.#trusted(keptAfter, {
            stream: this.#stream,
            message: 'what is remembered of its beginning',
          }) ?? []),
    );
    if (
      removed.some(({ seq, hash }) => seq >= before.seq && (seq > before.seq || hash.equals(before.hash)))
    ) {
      return before;
    }
    this.#report({
      kind: 'missing',
      stream: this.#stream,
      file: `${this.#stream}/${name}`,
      line: 1,
      message:
        known.length === 0
          ? `begins with record ${firstSeq}; whether the records before it were removed on purpose only the store knows`
          : `begins with record ${firstSeq}, and the records before it were not removed by the server`,
    });
    return before;
  }

  #check(text: string, place: Required<Pick<Flaw, 'stream' | 'file' | 'line'>>): void {
    const line = readLine(text);
    const seq = line?.fields.seq;
    if (line === undefined || typeof seq !== 'number') {
      this.#report({ ...place, kind: 'unreadable', message: 'is no record' });
      return;
    }
    this.#firstSeq ??= seq;
    this.#records += 1;
    const { seq: lastSeq, hash: previous } = this.#head;
    const follows = chainHash(previous, line.text).equals(line.hash);
    if (seq !== lastSeq + 1) {
      const kind = seq <= lastSeq ? 'reordered' : 'missing';
      const what =
        seq <= lastSeq
          ? `record ${seq} comes after record ${lastSeq}`
          : seq === lastSeq + 2
            ? `record ${lastSeq + 1} is missing`
            : `records ${lastSeq + 1} to ${seq - 1} are missing`;
      this.#report({ ...place, kind, message: what });
    } else if (!follows) {
      this.#report({
        ...place,
        kind: 'altered',
        message: `record ${seq} or the one before it was altered: its hash does not follow`,
      });
    }
    this.#head = { seq, hash: line.hash };
    this.#compare(place);
    this.#checkMeaning(line.fields, previous, lastSeq, place);
  }

  /** With what others remember of the same record. */
  #compare(place: Required<Pick<Flaw, 'stream' | 'file' | 'line'>>): void {
    const remembered = this.#remembered.get(this.#head.seq);
    if (remembered === undefined || remembered.equals(this.#head.hash)) return;
    this.#report({
      ...place,
      kind: 'altered',
      message: `record ${this.#head.seq} or one before it was altered: its hash is not the one that was remembered`,
    });
  }

  #checkMeaning(
    fields: Readonly<Record<string, unknown>>,
    previous: Buffer,
    previousSeq: number,
    place: Required<Pick<Flaw, 'stream' | 'file' | 'line'>>,
  ): void {
    const { type, note, lost, missing } = fields;
    this.#unsigned += 1;
    if (fields.stream !== this.#stream) {
      this.#report({ ...place, kind: 'altered', message: `is a record of another stream` });
    }
    if (type === 'checkpoint') {
      this.#checkpoints += 1;
      this.#unsigned = 0;
      const signed = this.#trusted(String(note), { ...place, message: 'the checkpoint' });
      if (signed !== undefined && (signed.seq !== previousSeq || !signed.hash.equals(previous))) {
        this.#report({
          ...place,
          kind: 'altered',
          message: 'the checkpoint was signed for other records than these',
        });
      }
    }
    if (type === 'gap' && typeof lost === 'number') this.#lost += lost;
    if (type === 'start' && missing !== undefined) {
      this.#report({
        ...place,
        kind: 'truncated',
        message: `when the server started, records it had written were gone: ${JSON.stringify(missing)}`,
      });
    }
  }

  #trusted(note: string, flaw: Omit<Flaw, 'kind'>): Head | undefined {
    const checkpoint = readCheckpoint(note);
    const { keys } = this.#options;
    if (checkpoint === undefined || checkpoint.stream !== this.#stream) {
      this.#report({
        ...flaw,
        kind: 'signature',
        message: `${flaw.message} is no checkpoint of this stream`,
      });
      return undefined;
    }
    if (keys.length === 0 || isSignedBy(checkpoint, keys)) return checkpoint.head;
    this.#report({
      ...flaw,
      kind: 'signature',
      message: `${flaw.message} was not signed by a key that is known`,
    });
    return undefined;
  }
}
