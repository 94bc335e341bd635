import type { Config } from '../config/config.ts';
import { ExtensionProblems, loadExtensions } from '../extension/load.ts';
import { sectionProblems } from '../extension/order.ts';

/**
 * What keeps the extensions of the config file from being loaded, each in a sentence that names its place. Imports their
 * modules and sets none of them up.
 */
export async function checkExtensions({ extensions, baseDirectory }: Config): Promise<readonly string[]> {
  const modules = extensions.map(({ name, module, options }) => ({ name, module, section: options }));
  try {
    return sectionProblems(await loadExtensions(modules, baseDirectory));
  } catch (error) {
    if (error instanceof ExtensionProblems) return error.problems;
    throw error;
  }
}
