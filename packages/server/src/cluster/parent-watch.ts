const LOOK_EVERY_MS = 250;

/**
 * Ends this worker when its main process is gone, however that ended: by the channel to it, which the kernel closes,
 * and by a look at the parent, should the channel have been inherited by somebody else. Killed rather than exited: what
 * was acknowledged is durable, and an exit would wait for the disk. Returns how to stop watching.
 */
export function endWithParent(): () => void {
  const parent = process.ppid;
  const end = (): void => void process.kill(process.pid, 'SIGKILL');
  // Before the handler of node:cluster, which would exit with 0.
  process.prependListener('disconnect', end);
  const timer = setInterval(() => {
    if (process.ppid !== parent) end();
  }, LOOK_EVERY_MS);
  timer.unref();
  return () => {
    clearInterval(timer);
    process.off('disconnect', end);
  };
}

/** The scripts of package.json that become the server: their shell replaces itself, so npm is its parent. */
const NPM_SCRIPTS: readonly (string | undefined)[] = ['start', 'zas'];

/**
 * Sends this main process a SIGTERM when npm, which started it, is gone without having told anybody: killed, it leaves
 * what it runs behind, and the next start would find the folder in use. Without npm above it nothing is watched.
 * Returns how to stop watching.
 */
export function stopWithNpm(env: Readonly<Record<string, string | undefined>>): () => void {
  if (!NPM_SCRIPTS.includes(env.npm_lifecycle_event)) return () => {};
  const parent = process.ppid;
  const timer = setInterval(() => {
    if (process.ppid === parent) return;
    clearInterval(timer);
    process.kill(process.pid, 'SIGTERM');
  }, LOOK_EVERY_MS);
  timer.unref();
  return () => clearInterval(timer);
}
