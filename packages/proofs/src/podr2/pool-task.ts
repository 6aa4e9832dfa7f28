import type { BlockName, FragmentName } from "./block-name.ts";
import type { StoredBlock } from "./prover.ts";

/** A fragment and its tags as files: the bytes as they are, and 48 bytes for each block. */
export interface FragmentFiles {
  readonly path: string;
  readonly tagPath: string;
  readonly sizeBytes: number;
}

export interface TagTask {
  readonly kind: "tag";
  /** The encoded secret key. */
  readonly secretKey: Uint8Array;
  readonly fragment: FragmentName;
  readonly bytes: Uint8Array;
}

export interface ProveTask {
  readonly kind: "prove";
  /** The encoded public key. */
  readonly publicKey: Uint8Array;
  readonly seed: Uint8Array;
  /** Each with the files to read it from, or with the block itself. */
  readonly samples: readonly (BlockName & { readonly stored: FragmentFiles | StoredBlock })[];
}

export interface CheckTask {
  readonly kind: "check";
  /** The encoded verifier key. */
  readonly verifierKey: Uint8Array;
  readonly seed: Uint8Array;
  readonly samples: readonly BlockName[];
  readonly proof: Uint8Array;
}

export interface CheckKeyTask {
  readonly kind: "checkKey";
  readonly publicKey: Uint8Array;
}

export type PoolTask = TagTask | ProveTask | CheckTask | CheckKeyTask;
