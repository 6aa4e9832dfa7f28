import { createHash } from "node:crypto";
import { verifySameMessage } from "@cess/crypto/bls";
import { acknowledgeCount } from "@cess/params/profile";
import { bytesToHex, type Hex, hexToBytes } from "@cess/std/bytes";
import type { ContractFunctionArgs } from "viem";
import type { filesAbi } from "../../abi/files.ts";
import { createCheckCache, requireBytes } from "../../checks.ts";
import { require } from "../../error.ts";
import { receiptMessage, ZERO_ADDRESS } from "../../messages.ts";
import { type CallContext, GAS } from "../../module.ts";
import { RIGHTS, SEGMENT_ALL } from "../../states.ts";
import { takeSlot } from "../audit/slots.ts";
import { isAuthorised } from "../gateways.ts";
import { hasSpace, profiles, reserveSpace } from "../miners/records.ts";
import { charge, requireTerritory } from "../territory/records.ts";
import { openOrder } from "./orders.ts";
import {
  type Column,
  emitFiles as emit,
  type FileRecord,
  files,
  filesIn,
  isSpent,
  NOBODY,
  ownersOf,
} from "./records.ts";
import { columnExtent, requireShape, type Shape } from "./shape.ts";
import { awaitTags } from "./untagged.ts";

export type Declaration = ContractFunctionArgs<typeof filesAbi, "nonpayable", "declare">[0][number];

const RECEIPTS_REMEMBERED = 16_384;
const receiptChecks = createCheckCache(RECEIPTS_REMEMBERED);

/** Owner of a territory on which the caller may do what `rights` says. */
export async function requireAccess(
  context: CallContext,
  territory: Hex,
  rights: number,
): Promise<Hex> {
  const { owner } = await requireTerritory(context, territory);
  if (context.caller === owner) return owner;
  const gateway = context.caller;
  const isAllowed = await isAuthorised(context, { owner, gateway, territory, rights });
  require(isAllowed, "NOT_ALLOWED", "neither the owner nor an authorised gateway");
  return owner;
}

/** Declares a file, or gives a known one another owner. Again, it changes nothing. */
export async function declareFile(context: CallContext, declared: Declaration): Promise<void> {
  const { fid, territory, sizeBytes, profile } = declared;
  const owner = await requireAccess(context, territory, RIGHTS.declare);
  if (await ownersOf.has(context, { fid }, territory)) return;
  const shape = requireShape(sizeBytes, profile);
  const known = await files.get(context, fid);
  if (known !== undefined) {
    const isSame = BigInt(known.sizeBytes) === sizeBytes && known.profileId === profile;
    require(isSame, "ARGUMENT_INVALID", "the file has another size or profile");
  }
  const bytes = columnExtent(shape, []).sizeBytes * shape.columnCount;
  await charge(context, territory, bytes);
  await ownersOf.add(context, { fid }, territory);
  await filesIn.add(context, { territory }, fid);
  if (known === undefined) await placeFile(context, declared, { owner, shape });
  else emit(context, "OwnerAdded", { fid, owner, territory });
}

async function placeFile(
  context: CallContext,
  declared: Declaration,
  by: { readonly owner: Hex; readonly shape: Shape },
): Promise<void> {
  const { fid, territory, sizeBytes, profile } = declared;
  const { shape } = by;
  requirePlacement(shape, declared.placement);
  requireExpiry(context, declared.expiryBlock);
  const receiptHash = await requireReceipts(context, declared);
  const columns: Column[] = [];
  for (const [column, miner] of declared.placement.entries()) {
    columns.push(await placeColumn(context, { fid, column, miner, shape }));
  }
  const placement = columns.map(({ miner }) => miner);
  const placedCount = placement.filter((miner) => miner !== ZERO_ADDRESS).length;
  const needCount = shape.profile.dataCount;
  require(placedCount >=
    needCount, "SPACE_SHORT", `${needCount} miners must be active, with space`);
  const file: FileRecord = {
    sizeBytes: Number(sizeBytes),
    profileId: profile,
    declaredBlock: Number(context.height),
    receiptHash,
    expiryBlock: Number(declared.expiryBlock),
    columns,
  };
  await files.set(context, fid, file);
  await awaitTags(context, fid);
  emit(context, "Declared", { fid, owner: by.owner, territory, sizeBytes, profile, placement });
  for (const [column, miner] of placement.entries()) {
    if (miner !== ZERO_ADDRESS) continue;
    await openOrder(context, { fid, column, segment: SEGMENT_ALL }, ZERO_ADDRESS);
  }
}

function requirePlacement(shape: Shape, placement: readonly Hex[]): void {
  const { columnCount, profile } = shape;
  const isWhole = placement.length === columnCount;
  require(isWhole, "PLACEMENT_INVALID", `the profile has ${columnCount} columns`);
  const placed = placement.filter((miner) => miner !== ZERO_ADDRESS);
  const needed = acknowledgeCount(profile);
  require(placed.length >= needed, "PLACEMENT_INVALID", `${needed} columns must be placed`);
  const isDistinct = new Set(placed).size === placed.length;
  require(isDistinct, "PLACEMENT_INVALID", "a miner stands at two columns");
}

/** Miners keep what they signed for until the receipts expire, and sign for so long at most. */
function requireExpiry({ height, spec }: CallContext, expiryBlock: bigint): void {
  require(height <=
    expiryBlock, "RECEIPTS_EXPIRED", `the receipts ended with block ${expiryBlock}`);
  const lastBlock = height + BigInt(spec.unclaimedBlocks);
  require(expiryBlock <= lastBlock, "ARGUMENT_INVALID", `receipts end by block ${lastBlock}`);
}

/** Hash of the receipts' message, which all placed miners signed and no file has used up. */
async function requireReceipts(context: CallContext, declared: Declaration): Promise<Hex> {
  const { fid, territory, expiryBlock, placement, profile: profileId } = declared;
  const sizeBytes = Number(declared.sizeBytes);
  const { chainId } = context.spec;
  const message = receiptMessage({
    ...{ chainId, fid, sizeBytes, profileId },
    ...{ territory, expiryBlock, placement },
  });
  const receiptHash = bytesToHex(createHash("sha256").update(message).digest());
  const isUsedUp = await isSpent(context, receiptHash);
  require(!isUsedUp, "PLACEMENT_INVALID", "these receipts declared a file that was closed since");
  const keys: Uint8Array[] = [];
  for (const miner of placement) {
    if (miner === ZERO_ADDRESS) continue;
    const profile = await profiles.get(context, miner);
    require(profile !== undefined, "PLACEMENT_INVALID", `${miner} is no miner`);
    keys.push(hexToBytes(profile.blsPublicKey, 48));
  }
  const signature = requireBytes(declared.signature, 96, "signature");
  context.chargeGas(GAS.verifyBLS + GAS.blsKey * BigInt(keys.length));
  const isSigned = await receiptChecks.answer([message, signature, ...keys], () => {
    return verifySameMessage(message, keys, signature);
  });
  require(isSigned, "SIGNATURE_INVALID", "the receipts of the placed miners do not verify");
  return receiptHash;
}

async function placeColumn(
  context: CallContext,
  placed: {
    readonly fid: Hex;
    readonly column: number;
    readonly miner: Hex;
    readonly shape: Shape;
  },
): Promise<Column> {
  const { fid, column, miner, shape } = placed;
  const { sizeBytes } = columnExtent(shape, []);
  // A miner may have been frozen or filled up since its receipt; the others hold the file still.
  if (miner === ZERO_ADDRESS || !(await hasSpace(context, miner, sizeBytes))) return NOBODY;
  await reserveSpace(context, miner, sizeBytes);
  const slot = await takeSlot(context, miner, { fid, column, segment: SEGMENT_ALL });
  return { miner, tee: ZERO_ADDRESS, sinceBlock: Number(context.height), slot };
}
