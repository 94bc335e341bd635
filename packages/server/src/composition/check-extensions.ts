import type { Config } from '../config/config.ts';
import { ExtensionProblems, loadExtensions } from '../extension/load.ts';
import { sectionProblems } from '../extension/order.ts';
import { rbacSection } from '../extensions/rbac/config.ts';
import { checkProviders } from '../extensions/rbac/identity/oidc/check-providers.ts';
import { checkAuthMethods } from './check-auth-methods.ts';

/** What keeps any extension from being set up, as far as it can be seen without doing it. */
export async function checkExtensions(config: Config): Promise<readonly string[]> {
  return [...providerProblems(config), ...(await checkAuthMethods(config)), ...(await checkModules(config))];
}

function providerProblems({ access, sections }: Config): readonly string[] {
  const { providers } = rbacSection.parse(sections.rbac);
  return checkProviders({ ...access, names: providers.map(({ name }) => name) });
}

/**
 * What keeps the extensions of the config file from being loaded, each in a sentence that names its place. Imports their
 * modules and sets none of them up.
 */
async function checkModules({ extensions, baseDirectory }: Config): Promise<readonly string[]> {
  const modules = extensions.map(({ name, module, options }) => ({ name, module, section: options }));
  try {
    return sectionProblems(await loadExtensions(modules, baseDirectory));
  } catch (error) {
    if (error instanceof ExtensionProblems) return error.problems;
    throw error;
  }
}
