import { readdirSync, readFileSync } from 'node:fs';

const SAMPLE_MS = 100;
const PAGE_BYTES = 4096;
/** USER_HZ, which Linux has kept at 100 for programs on every platform Node runs on. */
const TICK_MS = 10;

/** Resident bytes of a process and all below it, as Linux tells them; undefined elsewhere. Shared pages count in each. */
export function residentBytes(pid: number): number | undefined {
  try {
    return processTree(pid).reduce((sum, member) => sum + residentOf(member), 0);
  } catch {
    return undefined;
  }
}

/** The most each process of the tree ever had resident, by its kernel; empty where the kernel does not say. */
export function peaksOf(pid: number): readonly { readonly pid: number; readonly peakBytes: number }[] {
  try {
    return processTree(pid).map((member) => {
      const status = readFileSync(`/proc/${member}/status`, 'utf8');
      return { pid: member, peakBytes: Number(/^VmHWM:\s+(\d+) kB/m.exec(status)?.[1] ?? 0) * 1024 };
    });
  } catch {
    return [];
  }
}

/** Processor time a process and all below it have used so far; undefined where there is no /proc. */
export function cpuMsOf(pid: number): number | undefined {
  try {
    return processTree(pid).reduce((sum, member) => sum + cpuTicksOf(member) * TICK_MS, 0);
  } catch {
    return undefined;
  }
}

/** Samples the resident size of a process tree until it is stopped. */
export class PeakMemory {
  readonly #pid: number;
  readonly #timer: NodeJS.Timeout;
  #peakBytes: number | undefined;

  constructor(pid: number) {
    this.#pid = pid;
    this.#timer = setInterval(() => this.#sample(), SAMPLE_MS);
    this.#sample();
  }

  stop(): number | undefined {
    this.#sample();
    clearInterval(this.#timer);
    return this.#peakBytes;
  }

  #sample(): void {
    const bytes = residentBytes(this.#pid);
    if (bytes !== undefined) this.#peakBytes = Math.max(this.#peakBytes ?? 0, bytes);
  }
}

/** The process first. Throws where there is no /proc, or no such process. */
export function processTree(pid: number): number[] {
  const found = [pid];
  for (const parent of found) {
    for (const thread of threadsOf(parent, parent === pid)) {
      const children = readOr(`/proc/${parent}/task/${thread}/children`, '').trim();
      if (children !== '') found.push(...children.split(/\s+/).map(Number));
    }
  }
  return found;
}

/** A child may end while the tree is read; the root may not. */
function threadsOf(pid: number, mustExist: boolean): string[] {
  try {
    return readdirSync(`/proc/${pid}/task`);
  } catch (error) {
    if (mustExist) throw error;
    return [];
  }
}

function residentOf(pid: number): number {
  return Number(readOr(`/proc/${pid}/statm`, '0 0').split(' ')[1] ?? 0) * PAGE_BYTES;
}

function cpuTicksOf(pid: number): number {
  // The name, in parentheses, may hold anything; after it come the state and then numbers.
  const fields = readOr(`/proc/${pid}/stat`, '')
    .replace(/^.*\) /s, '')
    .split(' ');
  return Number(fields[11] ?? 0) + Number(fields[12] ?? 0);
}

function readOr(path: string, otherwise: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return otherwise;
  }
}
