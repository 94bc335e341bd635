const NAME = /^[A-Za-z0-9][A-Za-z0-9._@+=-]{0,127}$/;

/** As IAM has them. */
export function isPolicyName(name: string): boolean {
  return NAME.test(name);
}

export const POLICY_NAME_RULE =
  'has 1 to 128 letters, digits and the characters . _ @ + = -, and begins with a letter or a digit';
