import { DEV } from "@cess/params/chain-spec";
import type { NodeStatus } from "./control.ts";
import type { RunningNetwork } from "./supervisor.ts";

export const S3_REGION: string = "us-east-1";

/** What scripts read: one line of JSON. */
export function readyLine(network: RunningNetwork): string {
  const { accessKeyId, secretAccessKey } = network.credential;
  return JSON.stringify({
    rpc: network.rpcUrl,
    chainId: DEV.chainId,
    s3: { endpoint: network.s3Endpoint, region: S3_REGION, accessKeyId, secretAccessKey },
    owner: network.owner,
    nodes: network.nodes.map(({ id, role, endpoint, dataDir }) => ({
      id,
      role,
      endpoint,
      dataDir,
    })),
  });
}

/** What a person reads: where everything is, and a first thing to try. */
export function readyTable(network: RunningNetwork, tookMs: number): string {
  const { accessKeyId, secretAccessKey } = network.credential;
  const count = (role: string) => network.nodes.filter((node) => node.role === role).length;
  const storage = network.nodes.filter((node) => node.role === "storage");
  const rows: readonly (readonly [string, string])[] = [
    ["S3 endpoint", `${network.s3Endpoint}   (region ${S3_REGION})`],
    ["access key", accessKeyId],
    ["secret key", secretAccessKey],
    ["Ethereum RPC", `${network.rpcUrl}   (chain id ${DEV.chainId})`],
    ["validators", `${count("validator")}`],
    [
      "storage nodes",
      `${count("storage")}   ${storage[0]?.endpoint} … ${storage.at(-1)?.endpoint}`,
    ],
    ["TEE worker", `${count("tee")}   test attestation: an ordinary process, not an enclave`],
    ["owner account", `${network.owner.account}   (key in ${network.owner.privateKeyPath})`],
  ];
  const table = rows.map(([name, value]) => `  ${name.padEnd(14)} ${value}`).join("\n");
  return `
A CESS network is up (${(tookMs / 1000).toFixed(1)} s).

${table}

Try it, in another terminal:

  export AWS_ACCESS_KEY_ID=${accessKeyId} AWS_SECRET_ACCESS_KEY=${secretAccessKey} AWS_DEFAULT_REGION=${S3_REGION}
  aws --endpoint-url ${network.s3Endpoint} s3 mb s3://first
  aws --endpoint-url ${network.s3Endpoint} s3 cp README.md s3://first/
  aws --endpoint-url ${network.s3Endpoint} s3 ls s3://first

Break it and watch it heal:  npm run cess -- dev status | dev kill storage-3 | dev start storage-3
Ctrl-C ends it; the same command continues where it was.
`;
}

export function statusTable(nodes: readonly NodeStatus[]): string {
  const width = Math.max(...nodes.map(({ id }) => id.length));
  const endpointWidth = Math.max(...nodes.map(({ endpoint }) => endpoint.length));
  return nodes
    .map(({ id, isRunning, endpoint, detail }) => {
      const mark = isRunning ? "up  " : "DOWN";
      return `${mark}  ${id.padEnd(width)}  ${endpoint.padEnd(endpointWidth)}  ${isRunning ? detail : ""}`.trimEnd();
    })
    .join("\n");
}
