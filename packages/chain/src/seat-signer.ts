import { signProposal, signVote } from "@cess/consensus/authenticate";
import { beaconInput, nextBeacon } from "@cess/consensus/beacon";
import {
  maySign,
  type SignRecord,
  signRecordOfProposal,
  signRecordOfVote,
} from "@cess/consensus/sign-guard";
import type { Proposal, UnsignedProposal, UnsignedVote, Vote } from "@cess/consensus/votes";
import { proveVRF, vrfOutputOf } from "@cess/crypto/vrf";
import type { Hex } from "@cess/std/bytes";

export interface ValidatorKeys {
  /** Account that the validator is registered as. */
  readonly account: Hex;
  readonly blsSecretKey: Uint8Array;
  readonly vrfSecretKey: Uint8Array;
}

const ROUND_MAX = 0xffff_ffff;

/**
 * Stands for whatever a seat may have signed at `height`, where the record of it is lost: nothing
 * more is signed there.
 */
export function unknownSignRecord(height: bigint): SignRecord {
  return { version: 1, height, round: ROUND_MAX, step: 2, digest: new Uint8Array(32) };
}

/**
 * Signs for one seat, never two messages for one (height, round, step).
 *
 * What it returns must not leave the node before {@link SeatSigner.unsaved} is on disk.
 */
export class SeatSigner {
  readonly account: Hex;
  readonly #keys: ValidatorKeys;
  readonly #chainId: string;
  #last: SignRecord | undefined;
  #isSaved = true;

  /** @param last - The record on disk: what this seat signed before the node started. */
  constructor(keys: ValidatorKeys, chainId: string, last: SignRecord | undefined) {
    this.account = keys.account.toLowerCase() as Hex;
    this.#keys = keys;
    this.#chainId = chainId;
    this.#last = last;
  }

  /** Undefined if the seat has signed something else for this step, or a later one. */
  vote(vote: UnsignedVote): Vote | undefined {
    if (!this.#advance(signRecordOfVote(this.#chainId, vote))) return undefined;
    return signVote(this.#chainId, vote, this.#keys.blsSecretKey);
  }

  /** Undefined if the seat has signed something else for this step, or a later one. */
  proposal(proposal: UnsignedProposal): Proposal | undefined {
    if (!this.#advance(signRecordOfProposal(this.#chainId, proposal))) return undefined;
    return signProposal(this.#chainId, proposal, this.#keys.blsSecretKey);
  }

  /** The seat's one beacon for a height, with its proof. */
  proveBeacon(previous: Uint8Array, height: bigint): { vrfProof: Uint8Array; beacon: Uint8Array } {
    const vrfProof = proveVRF(this.#keys.vrfSecretKey, beaconInput(previous, height));
    return { vrfProof, beacon: nextBeacon(previous, vrfOutputOf(vrfProof)) };
  }

  /** What must be written down before anything new is sent. */
  unsaved(): SignRecord | undefined {
    return this.#isSaved ? undefined : this.#last;
  }

  saved(record: SignRecord): void {
    if (record === this.#last) this.#isSaved = true;
  }

  #advance(next: SignRecord): boolean {
    if (!maySign(this.#last, next)) return false;
    this.#last = next;
    this.#isSaved = false;
    return true;
  }
}
