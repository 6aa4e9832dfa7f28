/**
 * Base of every error that is thrown on purpose. Catch by `detail.code`, never by message.
 *
 * Broken invariants are not errors: use `assert`, which ends the process.
 */
export abstract class CodedError<Detail extends { readonly code: string }> extends Error {
  readonly detail: Detail;

  constructor(detail: Detail, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = new.target.name;
    this.detail = detail;
  }
}

/** True if `cause` is a {@link CodedError} whose detail has one of `codes`. */
export function hasCode(cause: unknown, ...codes: readonly string[]): boolean {
  return cause instanceof CodedError && codes.includes((cause.detail as { code: string }).code);
}

/** One line for a log or a person: the chain of messages from the outermost error inwards. */
export function describeCause(cause: unknown): string {
  const parts: string[] = [];
  let current = cause;
  for (let depth = 0; depth < 5 && current !== undefined && current !== null; depth += 1) {
    parts.push(current instanceof Error ? current.message : String(current));
    current = current instanceof Error ? current.cause : undefined;
  }
  return parts.join(": ");
}
