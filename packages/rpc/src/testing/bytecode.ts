/**
 * Small contracts for tests, assembled by hand.
 * @module
 */
import type { Hex } from "@cess/std/bytes";

/** Deploys `runtime` as it is. */
export function initCode(runtime: string): Hex {
  const size = (runtime.length / 2).toString(16).padStart(2, "0");
  // CODECOPY(0, 10, size); RETURN(0, size)
  return `0x60${size}600a5f3960${size}5ff3${runtime}`;
}

/** Keeps the first word of its calldata in slot 0, and returns that slot if there is none. */
export const STORAGE_RUNTIME = "3615600a575f355f55005b5f545f5260205ff3";

const OPCODES = { call: "f1", callcode: "f2", delegatecall: "f4", staticcall: "fa" } as const;

/** Passes its calldata (and value, by CALL) on to `target`, and on what comes back. */
export function forwarderRuntime(target: Hex, kind: keyof typeof OPCODES): string {
  const value = kind === "call" || kind === "callcode" ? "34" : "";
  const copy = "365f5f37";
  const call = `5f5f365f${value}73${target.slice(2)}5a${OPCODES[kind]}`;
  const result = "3d5f5f3e";
  const head = copy + call + result;
  const success = (head.length / 2 + 6).toString(16).padStart(2, "0");
  return `${head}60${success}573d5ffd5b3d5ff3`;
}
