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
