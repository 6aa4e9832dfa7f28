import { createJSONLogger } from "@cess/runtime/node/logger";
import { describeCause } from "@cess/std/error";
import { createRole, type Role } from "../role.ts";
import { createShared } from "../shared.ts";
import type { HostAnswer, HostCommand } from "./host-protocol.ts";

/**
 * Runs nodes in this process as the supervisor says over IPC. Ends when the supervisor goes away,
 * so that no process outlives the network.
 */
export function runHost(name: string): void {
  const write = (line: string) => process.stdout.write(line);
  const log = createJSONLogger({ level: "info", write }).child({ host: name });
  const shared = createShared(log);
  const roles = new Map<string, Role>();
  const turns = new Map<string, Promise<void>>();

  process.on("message", (message) => {
    const command = message as HostCommand;
    // One command after the other for each node: it is never started while it is being ended.
    const node = nodeOf(command);
    turns.set(
      node,
      (turns.get(node) ?? Promise.resolve()).then(() => answer(command)),
    );
  });
  process.on("disconnect", () => process.exit(0));
  // Ctrl-C reaches the whole process group; the supervisor decides in which order nodes end.
  for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => undefined);

  async function answer(command: HostCommand): Promise<void> {
    let error: string | undefined;
    try {
      await carryOut(command);
    } catch (cause) {
      error = describeCause(cause);
      log.error("command failed", { command: command.kind, cause });
    }
    const details = Object.fromEntries([...roles].map(([id, role]) => [id, role.describe()]));
    const { requestId } = command;
    process.send?.({ requestId, error, details } satisfies HostAnswer);
  }

  async function carryOut(command: HostCommand): Promise<void> {
    switch (command.kind) {
      case "start": {
        const { config } = command;
        if (roles.has(config.id)) return;
        const role = await createRole(config, log.child({ node: config.id }), shared);
        await role.start();
        roles.set(config.id, role);
        return;
      }
      case "kill": {
        const role = roles.get(command.id);
        roles.delete(command.id);
        await role?.kill();
        return;
      }
      case "status":
        return;
      case "stop":
        await Promise.all([...roles.values()].map((role) => role.stop()));
        roles.clear();
        await shared.stop();
    }
  }
}

/** The node that a command is for; empty for those that are for all. */
function nodeOf(command: HostCommand): string {
  switch (command.kind) {
    case "start":
      return command.config.id;
    case "kill":
      return command.id;
    case "status":
    case "stop":
      return "";
  }
}
