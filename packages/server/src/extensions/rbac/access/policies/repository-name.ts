import { isStoreError, parseRepositoryName } from '@zot-artifact-store/spec';

/** What keeps a name from being one of a repository; undefined for a good one. */
export function repositoryNameProblem(name: string): string | undefined {
  try {
    parseRepositoryName(name);
    return undefined;
  } catch (error) {
    if (isStoreError(error)) return error.message;
    throw error;
  }
}
