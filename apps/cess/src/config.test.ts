import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { parseConfig, readConfig } from "./config.ts";
import { CLIError } from "./error.ts";

const folder = mkdtempSync(join(tmpdir(), "cess-config-"));
after(() => rmSync(folder, { recursive: true }));

const gateway = {
  role: "gateway",
  id: "gateway-0",
  dataDir: "data",
  chain: "dev",
  rpcUrl: "http://127.0.0.1:9010",
  accountKey: "keys/account.json",
  listen: { port: 9000 },
  endpoint: "http://127.0.0.1:9000",
};

function reasonOf(work: () => unknown): string {
  try {
    work();
  } catch (cause) {
    assert(cause instanceof CLIError && cause.detail.code === "CONFIG_INVALID", String(cause));
    return cause.message;
  }
  assert.fail("the configuration was accepted");
}

test("defaults are filled in, and paths are relative to the file", () => {
  const config = parseConfig(join(folder, "gateway.json"), gateway);
  assert(config.role === "gateway");
  assert.equal(config.dataDir, join(folder, "data"));
  assert.equal(config.accountKey, join(folder, "keys/account.json"));
  assert.deepEqual(config.listen, { host: "127.0.0.1", port: 9000 });
  assert.deepEqual(
    [config.s3Region, config.profile, config.logLevel],
    ["us-east-1", "standard", "info"],
  );
});

test("accounts and territories are lower case whatever the file has", () => {
  const account = `0x${"AB".repeat(20)}`;
  const territory = `0x${"CD".repeat(32)}`;
  const credentials = [{ account, territory, file: "key.json" }];
  const config = parseConfig(join(folder, "gateway.json"), { ...gateway, credentials });
  assert(config.role === "gateway");
  assert.equal(config.credentials[0]?.account, account.toLowerCase());
  assert.equal(config.credentials[0]?.file, join(folder, "key.json"));
});

for (const [name, change, expected] of [
  ["an unknown field", { colour: "red" }, /colour/],
  ["a port that is none", { listen: { port: 70_000 } }, /port/],
  ["a chain that is none", { chain: "moon" }, /chain/],
  ["an endpoint that is no URL", { endpoint: "here" }, /endpoint/],
  ["a role that is none", { role: "king" }, /role/],
  ["an account of the wrong size", { credentials: [{ account: "0x00" }] }, /account/],
] as const) {
  test(`${name} is refused, and named`, () => {
    const reason = reasonOf(() => parseConfig("gateway.json", { ...gateway, ...change }));
    assert.match(reason, expected);
  });
}

test("a file that is missing, no JSON, or of another role is refused", () => {
  const path = join(folder, "node.json");
  assert.match(
    reasonOf(() => readConfig(path, "gateway")),
    /node\.json/,
  );
  writeFileSync(path, "{");
  assert.match(
    reasonOf(() => readConfig(path, "gateway")),
    /JSON/,
  );
  writeFileSync(path, JSON.stringify(gateway));
  assert.match(
    reasonOf(() => readConfig(path, "storage")),
    /gateway, not of a storage/,
  );
});
