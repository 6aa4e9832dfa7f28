/**
 * A small system module for tests and benchmarks: notes of any length, deposits, refusals, hooks.
 * @module
 */
import { bytes, type Codec, struct, variableBytes } from "@cess/codec/codec";
import { require } from "@cess/protocol/error";
import { createEmit } from "@cess/protocol/events";
import { defineModule, type Handlers, type ModuleDefinition } from "@cess/protocol/module";
import { defineTable } from "@cess/protocol/storage";
import { bytesToHex, type Hex, hexToBytes } from "@cess/std/bytes";
import { type ParseAbi, parseAbi } from "viem";

const SIGNATURES = [
  "event Noted(bytes32 indexed key, address indexed writer, uint256 sizeBytes)",
  "event Third(uint256 height)",
  "function note(bytes32 key, bytes text)",
  "function noteOf(bytes32 key) view returns (address writer, bytes text)",
  "function deposit() payable",
  "function withdraw(uint256 amountWei)",
  "function refuse(bytes32 key)",
  "function crash(bytes32 key)",
  "function spin()",
] as const;

export const notebookAbi: ParseAbi<typeof SIGNATURES> = parseAbi(SIGNATURES);

interface Note {
  readonly writer: Uint8Array;
  readonly text: Uint8Array;
}

const NOTE_BYTES_MAX = 100_000;
const noteCodec: Codec<Note> = struct<Note>({
  writer: bytes(20),
  text: variableBytes(NOTE_BYTES_MAX),
});
const notes = defineTable({ module: "params", name: "notes" }, bytes(32), noteCodec);
const emit = createEmit("params", notebookAbi);

export const notebookCalls: Handlers<typeof notebookAbi> = {
  async note(context, [key, text]) {
    const writer = hexToBytes(context.caller);
    await notes.set(context, hexToBytes(key), { writer, text: hexToBytes(text) });
    emit(context, "Noted", {
      key,
      writer: context.caller,
      sizeBytes: BigInt(text.length / 2 - 1),
    });
  },
  async noteOf(context, [key]) {
    const note = await notes.get(context, hexToBytes(key));
    require(note !== undefined, "NOT_FOUND", `no note ${key}`);
    return [bytesToHex(note.writer), bytesToHex(note.text)];
  },
  async deposit() {},
  async withdraw(context, [amountWei]) {
    const balance = await context.getBalance(notebook.address);
    require(amountWei <= balance, "PAYMENT_SHORT", `there are ${balance} wei`);
    await context.transfer(notebook.address, context.caller, amountWei);
  },
  async refuse(context, [key]) {
    await notes.set(context, hexToBytes(key), {
      writer: new Uint8Array(20),
      text: hexToBytes(key),
    });
    require(false, "NOT_ALLOWED", "refused on purpose");
  },
  async crash(context, [key]) {
    await notes.set(context, hexToBytes(key), {
      writer: new Uint8Array(20),
      text: hexToBytes(key),
    });
    const nothing = undefined as unknown as { readonly field: Hex };
    hexToBytes(nothing.field);
  },
  async spin(context) {
    for (;;) context.chargeGas(1000n);
  },
};

/** It stands at the address of the `params` module. */
export const notebook: ModuleDefinition = defineModule("params", notebookAbi, {
  calls: notebookCalls,
  async endBlock(host) {
    if (host.height % 3n === 0n) emit(host, "Third", { height: host.height });
  },
});
