import assert from "node:assert/strict";
import { test } from "node:test";
import { bytesToHex, type Hex } from "@cess/std/bytes";
import { type ReceiptStatement, receiptMessage } from "./messages.ts";

const statement: ReceiptStatement = {
  chainId: 11_331,
  fid: `0x${"01".repeat(32)}`,
  sizeBytes: 5,
  profileId: 2,
  territory: `0x${"03".repeat(32)}`,
  expiryBlock: 600n,
  placement: [`0x${"04".repeat(20)}`, `0x${"00".repeat(20)}`],
};

test("vector: the message of a receipt, of docs/spec/modules.md", () => {
  const expected = [
    Buffer.from("cess/receipt/v2").toString("hex"),
    "0000000000002c43",
    "01".repeat(32),
    "0000000000000005",
    "02",
    "03".repeat(32),
    "0000000000000258",
    // SHA-256 of the two addresses, by sha256sum.
    "ed2cca0ff5ff151eb4896bcebfb5281a55b1974d93545ac85b77a4dfca0f3453",
  ];
  assert.equal(bytesToHex(receiptMessage(statement)), `0x${expected.join("")}`);
});

test("every fact of a receipt changes its message", () => {
  const other: Hex = `0x${"05".repeat(32)}`;
  const changes: readonly Partial<ReceiptStatement>[] = [
    { chainId: 1 },
    { fid: other },
    { sizeBytes: 6 },
    { profileId: 1 },
    { territory: other },
    { expiryBlock: 601n },
    { placement: statement.placement.toReversed() },
  ];
  const messages = changes.map((change) => bytesToHex(receiptMessage({ ...statement, ...change })));
  const all = new Set([bytesToHex(receiptMessage(statement)), ...messages]);
  assert.equal(all.size, changes.length + 1);
});
