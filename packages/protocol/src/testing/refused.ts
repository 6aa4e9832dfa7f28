import { hasCode } from "@cess/std/error";
import type { ModuleErrorCode } from "../error.ts";

/** For `assert.rejects`: a refusal with this code, and no other fault. */
export function refused(code: ModuleErrorCode): (cause: unknown) => boolean {
  return (cause) => hasCode(cause, code);
}
