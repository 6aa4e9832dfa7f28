/**
 * The local control socket: how `cess dev status`, `kill`, `start` and `stop` reach a running
 * network. One JSON request a line, one JSON answer a line.
 * @module
 */
import { rmSync } from "node:fs";
import { connect, createServer, type Server } from "node:net";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { describeCause } from "@cess/std/error";
import { z } from "zod";
import { CLIError } from "../error.ts";

const request = z.discriminatedUnion("action", [
  z.strictObject({ action: z.literal("status") }),
  z.strictObject({ action: z.literal("kill"), id: z.string() }),
  z.strictObject({ action: z.literal("start"), id: z.string() }),
  z.strictObject({ action: z.literal("stop") }),
]);

export type ControlRequest = z.infer<typeof request>;

export interface NodeStatus {
  readonly id: string;
  readonly role: string;
  readonly isRunning: boolean;
  readonly endpoint: string;
  readonly pid: number | undefined;
  readonly detail: string;
}

export interface ControlAnswer {
  readonly ok: boolean;
  readonly message: string;
  readonly nodes?: readonly NodeStatus[];
}

/** Longest request line, in characters. */
const LINE_MAX = 4096;
const ANSWER_MS = 60_000;

export function controlPath(dataDir: string): string {
  return join(dataDir, "control.sock");
}

/** @throws {@link CLIError} `ALREADY_RUNNING` */
export async function assertNotRunning(dataDir: string): Promise<void> {
  if (await isAnswering(controlPath(dataDir)))
    throw new CLIError({ code: "ALREADY_RUNNING", dataDir });
}

/** Listens on the socket of `dataDir`; one that a crash left behind is replaced. */
export async function serveControl(
  dataDir: string,
  handle: (request: ControlRequest) => Promise<ControlAnswer>,
): Promise<Server> {
  const path = controlPath(dataDir);
  rmSync(path, { force: true });
  const server = createServer((socket) => {
    const lines = createInterface({ input: socket });
    lines.on("error", () => socket.destroy());
    let receivedChars = 0;
    socket.on("data", (data) => {
      receivedChars += data.length;
      if (receivedChars > LINE_MAX) socket.destroy();
    });
    lines.once("line", async (line) => {
      const answer = await answerTo(line, handle);
      socket.end(`${JSON.stringify(answer)}\n`);
    });
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(path, resolve);
  });
  return server;
}

/** Asks the network of `dataDir`. @throws {@link CLIError} `NOT_RUNNING` */
export async function askControl(dataDir: string, asked: ControlRequest): Promise<ControlAnswer> {
  const path = controlPath(dataDir);
  return new Promise((resolve, reject) => {
    const notRunning = (cause?: unknown) =>
      reject(new CLIError({ code: "NOT_RUNNING", dataDir }, { cause }));
    const socket = connect(path, () => socket.write(`${JSON.stringify(asked)}\n`));
    socket.setTimeout(ANSWER_MS, () => socket.destroy());
    const lines = createInterface({ input: socket });
    // The reader of lines passes on what goes wrong with the socket.
    lines.on("error", notRunning);
    lines.once("line", (line) => {
      resolve(JSON.parse(line) as ControlAnswer);
      socket.end();
    });
    socket.on("close", () => notRunning());
  });
}

async function answerTo(
  line: string,
  handle: (request: ControlRequest) => Promise<ControlAnswer>,
): Promise<ControlAnswer> {
  try {
    return await handle(request.parse(JSON.parse(line)));
  } catch (cause) {
    // Whoever asked gets to read what went wrong; the network goes on.
    return { ok: false, message: describeCause(cause) };
  }
}

function isAnswering(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path, () => {
      socket.destroy();
      resolve(true);
    });
    socket.on("error", () => resolve(false));
  });
}
