export type KeyPath = readonly PropertyKey[];

/** As people write it: `storage.subPaths["/a"].gc`, `http.compat[1]`. */
export function formatPath(path: KeyPath): string {
  let text = '';
  for (const part of path) {
    if (typeof part === 'number') text += `[${part}]`;
    else if (/^[A-Za-z_][\w-]*$/.test(String(part))) text += text === '' ? String(part) : `.${String(part)}`;
    else text += `[${JSON.stringify(String(part).slice(0, 80))}]`;
  }
  return text;
}

/** What is wrong with a configuration, and where; `place` is a key path, a variable, an option or a file. */
export interface Problem {
  readonly place: string;
  readonly message: string;
}
