import { bytesToHex, type Hex, hexToBytes } from "@cess/std/bytes";
import { toQuantity } from "../format.ts";
import type { Methods, RPCDeps } from "../method.ts";
import {
  invalid,
  readAddress,
  readBlock,
  readCall,
  readData,
  readList,
  readSlot,
} from "../params.ts";

const PROOF_KEYS_MAX = 256;

/** Accounts, calls, and transactions on their way in. */
export function createStateMethods({ executor, node }: RPCDeps): Methods {
  const accountAt = (params: readonly unknown[]) => {
    return executor.accountAt(readAddress(params[0]), readBlock(params[1]));
  };
  return {
    eth_chainId: () => toQuantity(executor.spec.chainId),
    eth_accounts: () => [],
    eth_getBalance: async (params) => toQuantity((await accountAt(params)).balanceWei),
    eth_getCode: async (params) => bytesToHex((await accountAt(params)).code),
    async eth_getTransactionCount(params) {
      if (params[1] !== "pending") return toQuantity((await accountAt(params)).nonce);
      return toQuantity(await node.mempool.pendingNonce(readAddress(params[0])));
    },
    eth_getStorageAt(params) {
      const [address, slot] = [readAddress(params[0]), readSlot(params[1])];
      return padded(executor.storageAt(address, slot, readBlock(params[2])));
    },
    async eth_getProof(params) {
      const address = readAddress(params[0]);
      const keys = readList(params[1], "storageKeys", PROOF_KEYS_MAX).map(readSlot);
      const found = await executor.proofAt(address, keys, readBlock(params[2]));
      return {
        address: found.address,
        balance: toQuantity(found.balanceWei),
        nonce: toQuantity(found.nonce),
        codeHash: found.codeHash,
        storageHash: found.storageHash,
        accountProof: found.accountProof.map(bytesToHex),
        storageProof: found.storageProof.map(({ key, value, proof }) => ({
          key,
          // Records of modules are longer than the 32 bytes of a contract's slot.
          value: value.length > 32 ? bytesToHex(value) : toQuantity(BigInt(padded(value))),
          proof: proof.map(bytesToHex),
        })),
      };
    },
    eth_call: async (params) => {
      if (params[2] !== undefined) throw invalid("state overrides are not supported");
      return bytesToHex(await executor.call(readCall(params[0]), readBlock(params[1])));
    },
    eth_estimateGas: async (params) => {
      if (params[2] !== undefined) throw invalid("state overrides are not supported");
      return toQuantity(await executor.estimateGas(readCall(params[0]), readBlock(params[1])));
    },
    async eth_createAccessList(params) {
      const found = await executor.accessListOf(readCall(params[0]), readBlock(params[1]));
      return { accessList: found.accessList, gasUsed: toQuantity(found.gasUsed) };
    },
    eth_sendRawTransaction: (params) => {
      return node.mempool.add(hexToBytes(readData(params[0], "transaction")));
    },
  };
}

/** A slot's value as a 32 byte word; a module's longer record as it is. */
function padded(value: Uint8Array): Hex {
  const digits = bytesToHex(value).slice(2);
  return `0x${digits.padStart(64, "0")}`;
}
