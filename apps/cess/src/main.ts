import { resolve } from "node:path";
import { CodedError } from "@cess/std/error";
import { Command, InvalidArgumentError } from "commander";
import type { RoleName } from "./config.ts";
import { askControl, type ControlRequest } from "./dev/control.ts";
import { STORAGE_MAX, VALIDATORS_MAX } from "./dev/plan.ts";
import { statusTable } from "./dev/report.ts";

const DATA_DIR = ".cess/dev";
const PORT_BASE = "9000";

// PERF: each command loads what it runs when it runs; all of it would take a second and a half.
const program = new Command("cess")
  .description("A decentralized data network: every role in one program.")
  .showHelpAfterError();

const dev = program
  .command("dev")
  .description("run a whole network on this machine")
  .option("--validators <count>", "validators", countUpTo(VALIDATORS_MAX), 4)
  .option("--storage <count>", "storage nodes", countUpTo(STORAGE_MAX), 12)
  .option("--data <dir>", "where everything is kept", DATA_DIR)
  .option(
    "--port-base <port>",
    "first port; the others follow from it",
    countUpTo(65_000),
    Number(PORT_BASE),
  )
  .option("--fresh", "delete what is there and begin anew", false)
  .option("--json", "print one line of JSON when ready, and nothing else", false)
  .action(async (options) => {
    const { runDev } = await import("./dev/dev-command.ts");
    await runDev({ ...options, data: resolve(options.data) });
  });

dev
  .command("status")
  .description("what each node is doing")
  .option("--json", "as JSON", false)
  .action(async (_options, command) => {
    const answer = await ask(command, { action: "status" });
    const nodes = answer.nodes ?? [];
    // `dev` has an option of that name as well, and takes it for itself.
    console.log(command.optsWithGlobals().json ? JSON.stringify(nodes) : statusTable(nodes));
  });
for (const action of ["kill", "start"] as const) {
  dev
    .command(`${action} <id>`)
    .description(action === "kill" ? "cut a node off, as a crash would" : "bring a node back")
    .action(async (id, _options, command) => {
      console.log((await ask(command, { action, id })).message);
    });
}
dev
  .command("stop")
  .description("end the network; its data stays")
  .action(async (_options, command) => {
    console.log((await ask(command, { action: "stop" })).message);
  });

for (const [role, description] of [
  ["validator", "take part in consensus and serve the RPC"],
  ["storage", "keep, serve, prove and repair fragments"],
  ["tee", "tag fragments and check proofs"],
  ["gateway", "speak S3 in front of the network"],
] as const satisfies readonly (readonly [RoleName, string])[]) {
  program
    .command(role)
    .description(description)
    .requiredOption("--config <file>", "configuration file (docs/operate.md)")
    .action(async ({ config }) => {
      const { runRole } = await import("./run-role.ts");
      await runRole(role, config);
    });
}

program.command("host <name>", { hidden: true }).action(async (name) => {
  const { runHost } = await import("./dev/host.ts");
  runHost(name);
});

program.parseAsync().catch((cause: unknown) => {
  // A refusal is a sentence for the person who asked; anything else is our bug, with its stack.
  console.error(cause instanceof CodedError ? `cess: ${cause.message}` : cause);
  process.exit(1);
});

async function ask(command: Command, request: ControlRequest) {
  const { data } = command.optsWithGlobals<{ data: string }>();
  const answer = await askControl(resolve(data), request);
  if (!answer.ok) program.error(`cess: ${answer.message}`);
  return answer;
}

function countUpTo(max: number): (text: string) => number {
  return (text) => {
    const count = Number(text);
    if (Number.isInteger(count) && count >= 1 && count <= max) return count;
    throw new InvalidArgumentError(`a whole number from 1 to ${max} is needed`);
  };
}
