import { CodedError } from "@cess/std/error";

export type CLIErrorDetail =
  | { readonly code: "CONFIG_INVALID"; readonly path: string; readonly reason: string }
  | { readonly code: "OPTION_INVALID"; readonly option: string; readonly reason: string }
  | { readonly code: "NODE_UNKNOWN"; readonly id: string; readonly known: readonly string[] }
  | { readonly code: "NOT_RUNNING"; readonly dataDir: string }
  | { readonly code: "ALREADY_RUNNING"; readonly dataDir: string }
  | { readonly code: "HOST_FAILED"; readonly host: string; readonly reason: string }
  | { readonly code: "NOT_READY"; readonly waitedMs: number; readonly reason: string }
  | { readonly code: "PORT_TAKEN"; readonly port: number };

/** What a person at the command line should read. */
export class CLIError extends CodedError<CLIErrorDetail> {
  constructor(detail: CLIErrorDetail, options?: ErrorOptions) {
    super(detail, describe(detail), options);
  }
}

function describe(detail: CLIErrorDetail): string {
  switch (detail.code) {
    case "CONFIG_INVALID":
      return `${detail.path}: ${detail.reason}`;
    case "OPTION_INVALID":
      return `${detail.option}: ${detail.reason}`;
    case "NODE_UNKNOWN":
      return `there is no node ${detail.id}; there are ${detail.known.join(", ")}`;
    case "NOT_RUNNING":
      return `no network runs on ${detail.dataDir}; start one with: cess dev --data ${detail.dataDir}`;
    case "ALREADY_RUNNING":
      return `a network already runs on ${detail.dataDir}; end it with: cess dev stop --data ${detail.dataDir}`;
    case "HOST_FAILED":
      return `host ${detail.host} failed: ${detail.reason}`;
    case "NOT_READY":
      return `not ready after ${Math.round(detail.waitedMs / 1000)} s: ${detail.reason}`;
    case "PORT_TAKEN":
      return `port ${detail.port} is taken; choose others with --port-base`;
  }
}
