import { existsSync } from "node:fs";
import { writeGenesisFile } from "@cess/chain/genesis-file";
import { provePossession } from "@cess/crypto/bls";
import { DEV } from "@cess/params/chain-spec";
import type { Genesis, GenesisValidator } from "@cess/protocol/module";
import { type Hex, hexToBytes } from "@cess/std/bytes";
import { CESS } from "@cess/std/units";
import { loadOrCreateKey } from "../keys.ts";
import { keyPaths, type PlannedNode } from "./plan.ts";

/** What every account of a local network starts with. */
const NODE_BALANCE_WEI = 1_000_000n * CESS;
const OWNER_BALANCE_WEI = 10_000_000n * CESS;

/** Makes the keys of all planned nodes, and the genesis of a network that has none yet. */
export async function prepareGenesis(
  dataDir: string,
  nodes: readonly PlannedNode[],
  nowMs: number,
): Promise<void> {
  const paths = keyPaths(dataDir);
  const owner = await loadOrCreateKey(paths.owner, "secp256k1");
  const testRoot = await loadOrCreateKey(paths.testRoot, "secp256k1");
  const accounts = new Map<string, Hex>();
  for (const { id } of nodes) {
    accounts.set(id, (await loadOrCreateKey(paths.of(id, "account"), "secp256k1")).publicKey);
  }
  const validators: GenesisValidator[] = [];
  for (const { id, role } of nodes) {
    if (role === "validator") {
      validators.push(await createValidator(dataDir, id, accounts.get(id) as Hex));
    }
  }
  if (existsSync(paths.genesis)) return;
  const genesis: Genesis = {
    spec: DEV.name,
    timestampSeconds: BigInt(Math.floor(nowMs / 1000)),
    alloc: [
      { address: owner.publicKey, balanceWei: OWNER_BALANCE_WEI },
      ...[...accounts.values()].map((address) => ({ address, balanceWei: NODE_BALANCE_WEI })),
    ],
    validators,
    timelock: owner.publicKey,
    testAttestationRoot: testRoot.publicKey,
  };
  await writeGenesisFile(paths.genesis, genesis);
}

async function createValidator(
  dataDir: string,
  id: string,
  account: Hex,
): Promise<GenesisValidator> {
  const paths = keyPaths(dataDir);
  const bls = await loadOrCreateKey(paths.of(id, "bls"), "bls12-381");
  const vrf = await loadOrCreateKey(paths.of(id, "vrf"), "ed25519-vrf");
  await loadOrCreateKey(paths.of(id, "network"), "libp2p");
  return {
    account,
    blsPublicKey: hexToBytes(bls.publicKey),
    blsProof: provePossession(bls.secret),
    vrfPublicKey: hexToBytes(vrf.publicKey),
    bondedWei: DEV.validatorBondWei,
  };
}
