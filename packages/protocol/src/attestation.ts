/**
 * Attestations bind the keys of a TEE worker to an enclave: one byte of kind, then the evidence.
 *
 * @see docs/spec/modules.md, "tee"
 * @module
 */
import { hash } from "node:crypto";
import { domainDigest, signDigest } from "@cess/crypto/secp256k1";
import { bigintToBytes, concatBytes, type Hex, hexToBytes } from "@cess/std/bytes";
import { ATTESTATION_KIND } from "./states.ts";

/** What an attestation vouches for. */
export interface AttestedKeys {
  readonly reportSigner: Hex;
  readonly tagKeyHash: Hex;
  /** v ‖ w, 192 bytes. */
  readonly tagKey: Hex;
  readonly account: Hex;
}

/** SHA-256(report signer ‖ tag key hash ‖ tag key ‖ account), 32 bytes. */
export function attestationBinding(keys: AttestedKeys): Uint8Array {
  const bytes = concatBytes(
    hexToBytes(keys.reportSigner, 20),
    hexToBytes(keys.tagKeyHash, 32),
    hexToBytes(keys.tagKey, 192),
    hexToBytes(keys.account, 20),
  );
  return hash("sha256", bytes, "buffer");
}

/** What the test root signs. */
export function testAttestationDigest(binding: Uint8Array, chainId: number): Uint8Array {
  const chain = bigintToBytes(BigInt(chainId), 8);
  return domainDigest("cess/test-attestation/v1", binding, chain);
}

/** An attestation of kind *test*: kind ‖ signature, 66 bytes. */
export function createTestAttestation(
  rootKey: Uint8Array,
  keys: AttestedKeys,
  chainId: number,
): Uint8Array {
  const digest = testAttestationDigest(attestationBinding(keys), chainId);
  return concatBytes(Uint8Array.of(ATTESTATION_KIND.test), signDigest(digest, rootKey));
}
