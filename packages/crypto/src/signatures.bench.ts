import { bench } from "@cess/std/bench";
import { domainDigest, recoverAddress, signDigest } from "./secp256k1.ts";
import { proveVRF, verifyVRF, vrfPublicKeyOf } from "./vrf.ts";

const KEY = new Uint8Array(32).fill(7);
const INPUT = new Uint8Array(40);

await bench("vrf/prove", { times: [1, 50] }, ({ sizes: { times } }) => ({
  operations: times,
  body: () => repeat(times, () => proveVRF(KEY, INPUT)),
}));

await bench("vrf/verify", { times: [1, 50] }, ({ sizes: { times } }) => {
  const publicKey = vrfPublicKeyOf(KEY);
  const proof = proveVRF(KEY, INPUT);
  return {
    operations: times,
    body: () => repeat(times, () => verifyVRF(publicKey, INPUT, proof)),
  };
});

await bench("secp256k1/sign", { times: [1, 1000] }, ({ sizes: { times } }) => {
  const digest = domainDigest("cess/bench/v1");
  return { operations: times, body: () => repeat(times, () => signDigest(digest, KEY)) };
});

await bench("secp256k1/recover", { times: [1, 1000] }, ({ sizes: { times } }) => {
  const digest = domainDigest("cess/bench/v1");
  const signature = signDigest(digest, KEY);
  return { operations: times, body: () => repeat(times, () => recoverAddress(digest, signature)) };
});

function repeat(times: number, run: () => Uint8Array): Uint8Array {
  let output = run();
  for (let index = 1; index < times; index += 1) output = run();
  return output;
}
