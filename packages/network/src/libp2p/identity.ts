import { generateKeyPairFromSeed } from "@libp2p/crypto/keys";
import type { Ed25519PrivateKey } from "@libp2p/interface";
import { peerIdFromPrivateKey } from "@libp2p/peer-id";
import { NetworkError } from "../error.ts";
import type { PeerId } from "../network.ts";

const SEED_BYTES = 32;

/** @throws NetworkError `IDENTITY_INVALID` if the seed is not 32 bytes. */
export async function identityOfSeed(seed: Uint8Array): Promise<Ed25519PrivateKey> {
  if (seed.length !== SEED_BYTES) throw new NetworkError({ code: "IDENTITY_INVALID" });
  return await generateKeyPairFromSeed("Ed25519", seed);
}

/** Name of the node whose key file holds `seed`: what others put at the end of its address. */
export async function peerIdOfSeed(seed: Uint8Array): Promise<PeerId> {
  return peerIdFromPrivateKey(await identityOfSeed(seed)).toString();
}
