import { registerHooks } from 'node:module';

/** Always the running server's: a second copy would bring classes and symbols that the server does not know. */
const OWN_PACKAGES: readonly string[] = ['@zot-artifact-store/server', '@zot-artifact-store/spec'];
/** What an extension needs besides, lent to one that has none of its own. */
const LENT_PACKAGES: readonly string[] = ['zod'];

let isSharing = false;

/**
 * From now on a module that imports one of these packages gets the server's, so that an extension can lie in any folder
 * with nothing installed beside it. Does it once per process.
 */
export function sharePackages(): void {
  if (isSharing) return;
  isSharing = true;
  registerHooks({
    resolve(specifier, context, resolveNext) {
      const fromServer = () => resolveNext(specifier, { ...context, parentURL: import.meta.url });
      if (OWN_PACKAGES.includes(specifier)) return fromServer();
      if (!LENT_PACKAGES.includes(specifier)) return resolveNext(specifier, context);
      try {
        return resolveNext(specifier, context);
      } catch {
        return fromServer();
      }
    },
  });
}
