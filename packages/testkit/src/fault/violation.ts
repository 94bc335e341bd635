/** The server broke a promise: what was acknowledged is not there, or what is there was never asked for. */
export class Violation extends Error {
  override readonly name = 'Violation';
}
