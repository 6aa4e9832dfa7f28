import type { RoleConfig } from "../config.ts";

/** From the supervisor to a host process, over IPC. */
export type HostCommand =
  | { readonly kind: "start"; readonly requestId: number; readonly config: RoleConfig }
  | { readonly kind: "kill"; readonly requestId: number; readonly id: string }
  | { readonly kind: "status"; readonly requestId: number }
  | { readonly kind: "stop"; readonly requestId: number };

/** Answer to the command with the same `requestId`. */
export interface HostAnswer {
  readonly requestId: number;
  /** Why the command failed; undefined if it was carried out. */
  readonly error: string | undefined;
  /** One line for each running node, by id. */
  readonly details: Readonly<Record<string, string>>;
}
