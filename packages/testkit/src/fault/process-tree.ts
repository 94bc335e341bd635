import { readdir, readFile } from 'node:fs/promises';

/** The process and all its descendants, ancestors first. Reads /proc. */
export async function processTree(root: number): Promise<readonly number[]> {
  const childrenOf = new Map<number, number[]>();
  for (const entry of await readdir('/proc')) {
    if (!/^\d+$/.test(entry)) continue;
    const parent = await parentOf(entry);
    if (parent === undefined) continue;
    childrenOf.set(parent, [...(childrenOf.get(parent) ?? []), Number(entry)]);
  }
  const tree = [root];
  for (const pid of tree) tree.push(...(childrenOf.get(pid) ?? []));
  return tree;
}

/** Whether the process still runs; one that only waits for its parent to notice its end does not. */
export async function isRunning(pid: number): Promise<boolean> {
  const fields = await statFields(String(pid));
  return fields !== undefined && fields[0] !== 'Z' && fields[0] !== 'X';
}

/** Kills them all, in this order and with nothing in between. Those that are gone already do not matter. */
export function killAll(pids: readonly number[]): void {
  for (const pid of pids) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error;
    }
  }
}

async function parentOf(pid: string): Promise<number | undefined> {
  const fields = await statFields(pid);
  return fields === undefined ? undefined : Number(fields[1]);
}

/** What follows the name: "pid (name) state ppid ...", and a name may hold anything. */
async function statFields(pid: string): Promise<readonly string[] | undefined> {
  const text = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  return text === '' ? undefined : text.slice(text.lastIndexOf(')') + 2).split(' ');
}
