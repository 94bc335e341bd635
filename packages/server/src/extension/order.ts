import type { z } from 'zod';
import { ExtensionProblems, type LoadedExtension } from './load.ts';

/** An extension whose config section was checked. */
export interface CheckedExtension extends LoadedExtension {
  readonly config: unknown;
}

/**
 * Puts every extension after the ones it depends on, else in the order given, and checks every config section.
 * Throws ExtensionProblems with all doubled names, missing dependencies, cycles and config problems at once.
 */
export function prepareExtensions(loaded: readonly LoadedExtension[]): CheckedExtension[] {
  const problems: string[] = [];
  const ordered = orderByDependency(loaded, problems);
  const checked: CheckedExtension[] = [];
  for (const one of ordered) {
    const result = one.extension.config.safeParse(one.section);
    if (result.success) checked.push({ ...one, config: result.data });
    else problems.push(...describeIssues(one, result.error));
  }
  if (problems.length > 0) throw new ExtensionProblems(problems);
  return checked;
}

/** What is wrong with the sections, as `prepareExtensions` would say it; nothing else is looked at. */
export function sectionProblems(loaded: readonly LoadedExtension[]): string[] {
  return loaded.flatMap((one) => {
    const result = one.extension.config.safeParse(one.section);
    return result.success ? [] : describeIssues(one, result.error);
  });
}

function describeIssues({ configPath }: LoadedExtension, { issues }: z.ZodError): string[] {
  return issues.map(({ path, message }) => `${[configPath, ...path.map(String)].join('.')}: ${message}`);
}

function orderByDependency(loaded: readonly LoadedExtension[], problems: string[]): LoadedExtension[] {
  const byName = new Map<string, LoadedExtension>();
  for (const one of loaded) {
    const first = byName.get(one.extension.name);
    if (first === undefined) byName.set(one.extension.name, one);
    else {
      problems.push(
        `the extension "${one.extension.name}" is there twice: ${first.source} (${first.configPath}) and ${one.source} (${one.configPath})`,
      );
    }
  }
  const ordered: LoadedExtension[] = [];
  const done = new Set<string>();
  const visit = (one: LoadedExtension, path: readonly string[]): void => {
    const { name, dependsOn = [] } = one.extension;
    if (done.has(name)) return;
    if (path.includes(name)) {
      problems.push(
        `extensions depend on each other in a circle: ${[...path.slice(path.indexOf(name)), name].join(' -> ')}`,
      );
      return;
    }
    for (const wanted of dependsOn) {
      const dependency = byName.get(wanted);
      if (dependency !== undefined) visit(dependency, [...path, name]);
      else {
        problems.push(
          `the extension "${name}" depends on "${wanted}", which is not loaded; add it under extensions in the config file`,
        );
      }
    }
    if (done.has(name)) return;
    done.add(name);
    ordered.push(one);
  };
  for (const one of byName.values()) visit(one, []);
  return ordered;
}
