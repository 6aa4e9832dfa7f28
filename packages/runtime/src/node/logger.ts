import { describeCause } from "@cess/std/error";
import type { Logger, LogLevel } from "../logger.ts";

const LEVELS: readonly LogLevel[] = ["debug", "info", "warn", "error"];

/** One JSON object a line, `cause` as its chain of messages, bigints as decimal text. */
export function createJSONLogger(
  options: { readonly level: LogLevel; readonly write: (line: string) => void },
  bound: Readonly<Record<string, unknown>> = {},
): Logger {
  const log =
    (level: LogLevel) => (message: string, fields?: Readonly<Record<string, unknown>>) => {
      if (LEVELS.indexOf(level) < LEVELS.indexOf(options.level)) return;
      const record = { time: new Date().toISOString(), level, message, ...bound, ...fields };
      options.write(`${JSON.stringify(record, printable)}\n`);
    };
  return {
    child: (fields) => createJSONLogger(options, { ...bound, ...fields }),
    debug: log("debug"),
    info: log("info"),
    warn: log("warn"),
    error: log("error"),
  };
}

/** Drops everything: for tests and benchmarks. */
export const silentLogger: Logger = createJSONLogger({ level: "error", write: () => undefined });

function printable(key: string, value: unknown): unknown {
  if (key === "cause") return describeCause(value);
  if (value instanceof Uint8Array) return Buffer.from(value).toString("hex");
  return typeof value === "bigint" ? value.toString() : value;
}
