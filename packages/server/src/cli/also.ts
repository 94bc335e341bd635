/** For an option that may be given more than once. (Commander's own lists swallow the arguments that follow.) */
export function also(value: string, before: readonly string[] = []): readonly string[] {
  return [...before, value];
}
