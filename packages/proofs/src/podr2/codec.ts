import { bytes, type Codec, decode, encode, struct } from "@cess/codec/codec";
import { ProofError } from "../error.ts";
import { decodeScalar, encodeScalar, SCALAR_BYTES } from "./field.ts";
import { type G1, G1_BYTES, type Groups } from "./groups.ts";

export const TAG_BYTES: number = G1_BYTES;
export const PROOF_BYTES: number = 2 * G1_BYTES + SCALAR_BYTES;

/** Shows that the blocks of a challenge are held, whatever their number. */
export interface Proof {
  /** Σ ν_i · tag_i. Never the identity: no honest prover meets it but with chance 1/r. */
  readonly sigma: G1;
  /** The quotient polynomial at α, in the exponent; the identity if all sectors but one are zero. */
  readonly psi: G1;
  /** The combined polynomial at z. */
  readonly y: bigint;
}

const proofCodec: Codec<{ sigma: Uint8Array; psi: Uint8Array; y: Uint8Array }> = struct({
  sigma: bytes(G1_BYTES),
  psi: bytes(G1_BYTES),
  y: bytes(SCALAR_BYTES),
});

/** σ ‖ ψ ‖ y, 128 bytes. */
export function encodeProof(groups: Groups, proof: Proof): Uint8Array {
  const { sigma, psi, y } = proof;
  return encode(proofCodec, {
    sigma: groups.encode(sigma),
    psi: groups.encode(psi),
    y: encodeScalar(y),
  });
}

/**
 * Reads untrusted bytes.
 *
 * @throws {@link ProofError} `PROOF_MALFORMED` unless they are the one encoding of two points of
 *   the group, the first not the identity, and a scalar.
 */
export function decodeProof(groups: Groups, encoded: Uint8Array): Proof {
  if (encoded.length !== PROOF_BYTES) {
    throw new ProofError({ code: "PROOF_MALFORMED", why: `${encoded.length} bytes` });
  }
  const fields = decode(proofCodec, encoded);
  const proof = readFields(groups, fields);
  if (proof.sigma.isZero()) throw new ProofError({ code: "PROOF_MALFORMED", why: "σ is zero" });
  return proof;
}

function readFields(
  groups: Groups,
  fields: { readonly sigma: Uint8Array; readonly psi: Uint8Array; readonly y: Uint8Array },
): Proof {
  try {
    return {
      sigma: groups.decodeG1(fields.sigma),
      psi: groups.decodeG1(fields.psi),
      y: decodeScalar(fields.y),
    };
  } catch (cause) {
    if (!(cause instanceof ProofError)) throw cause;
    throw new ProofError({ code: "PROOF_MALFORMED", why: cause.message }, { cause });
  }
}
