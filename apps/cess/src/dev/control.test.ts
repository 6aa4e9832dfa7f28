import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { connect, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, afterEach, test } from "node:test";
import { CLIError } from "../error.ts";
import { askControl, assertNotRunning, controlPath, serveControl } from "./control.ts";

const dataDir = mkdtempSync(join(tmpdir(), "cess-control-"));
let server: Server | undefined;
afterEach(() => server?.close());
after(() => rmSync(dataDir, { recursive: true, force: true }));

const isRefused = (code: CLIError["detail"]["code"]) => (cause: unknown) =>
  cause instanceof CLIError && cause.detail.code === code;

test("a request is answered, and a failure is told to whoever asked", async () => {
  server = await serveControl(dataDir, async (request) => {
    if (request.action === "kill") throw new CLIError({ code: "NODE_UNKNOWN", id: "x", known: [] });
    return { ok: true, message: request.action };
  });
  assert.deepEqual(await askControl(dataDir, { action: "stop" }), { ok: true, message: "stop" });
  const refused = await askControl(dataDir, { action: "kill", id: "x" });
  assert.equal(refused.ok, false);
  assert.match(refused.message, /there is no node x/);
});

test("a second network on the same data is refused while the first answers", async () => {
  await assertNotRunning(dataDir);
  server = await serveControl(dataDir, async () => ({ ok: true, message: "" }));
  await assert.rejects(assertNotRunning(dataDir), isRefused("ALREADY_RUNNING"));
});

test("without a network the refusal says so", async () => {
  const nowhere = join(dataDir, "nowhere");
  await assert.rejects(askControl(nowhere, { action: "status" }), isRefused("NOT_RUNNING"));
});

test("an unknown action and an endless line are refused, and the next request is answered", async () => {
  server = await serveControl(dataDir, async () => ({ ok: true, message: "fine" }));
  const unknown = await askControl(dataDir, { action: "explode" } as never);
  assert.equal(unknown.ok, false);
  await new Promise<void>((resolve) => {
    const socket = connect(controlPath(dataDir), () => socket.write("x".repeat(100_000)));
    socket.on("error", () => undefined);
    socket.on("close", () => resolve());
  });
  assert.equal((await askControl(dataDir, { action: "status" })).message, "fine");
});
