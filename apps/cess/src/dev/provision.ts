import type { ChainSender } from "@cess/chain-client/chain";
import { isRefusal } from "@cess/chain-client/error";
import { MINER_STATE, RIGHTS, TERRITORY_STATE } from "@cess/protocol/states";
import type { Clock } from "@cess/runtime/clock";
import type { Hex } from "@cess/std/bytes";
import { GIB } from "@cess/std/units";
import { CLIError } from "../error.ts";

/** The owner's space on a fresh local network. */
const TERRITORY_NAME = "dev";
const TERRITORY_BYTES = 100 * GIB;
/** Thirty days of one-second blocks. */
const TERRITORY_BLOCKS = 2_592_000n;
const AUTHORISATION_BLOCKS = 2_592_000n;
/** Renewed when less than this is left. */
const RENEW_BELOW_BLOCKS = 604_800n;
const READY_MS = 60_000;
const POLL_MS = 150;

export interface ProvisionDeps {
  readonly owner: ChainSender;
  readonly clock: Clock;
}

/** Gives the owner a territory that lasts, and returns its id. */
export async function provideTerritory({ owner }: ProvisionDeps): Promise<Hex> {
  const id = await owner.read("territory", "idOf", [owner.account, TERRITORY_NAME]);
  const known = await readTerritory(owner, id);
  if (known === undefined || known.state === TERRITORY_STATE.expired) {
    const sizeBytes = BigInt(TERRITORY_BYTES);
    const valueWei = await owner.read("territory", "priceOf", [sizeBytes, TERRITORY_BLOCKS]);
    await owner.send("territory", "buy", [TERRITORY_NAME, sizeBytes, TERRITORY_BLOCKS], {
      valueWei,
    });
    return id;
  }
  const height = BigInt(await owner.height());
  if (known.endBlock < height + RENEW_BELOW_BLOCKS) {
    const valueWei = await owner.read("territory", "priceOf", [known.totalBytes, TERRITORY_BLOCKS]);
    await owner.send("territory", "renew", [id, TERRITORY_BLOCKS], { valueWei });
  }
  return id;
}

/** Lets the gateway declare and remove files in the territory. */
export async function authoriseGateway(
  { owner }: ProvisionDeps,
  gateway: Hex,
  territory: Hex,
): Promise<void> {
  const rights = RIGHTS.declare | RIGHTS.remove;
  const asked = [owner.account, gateway, territory, rights] as const;
  if (await owner.read("gateways", "isAuthorised", asked)) return;
  const expiryBlock = BigInt(await owner.height()) + AUTHORISATION_BLOCKS;
  await owner.send("gateways", "authorise", [gateway, [territory], rights, expiryBlock]);
}

/**
 * Waits until that many storage nodes are registered and active, and a TEE worker is.
 *
 * @throws {@link CLIError} `NOT_READY`
 */
export async function awaitNodes(
  { owner, clock }: ProvisionDeps,
  minerCount: number,
): Promise<void> {
  const startMs = clock.nowMs();
  for (;;) {
    const [miners] = await owner.read("miners", "listMiners", [0n, 100n]);
    const [workers] = await owner.read("tee", "listWorkers", [0n, 100n]);
    const active = miners.filter(({ state }) => state === MINER_STATE.active).length;
    const isReady = active >= minerCount && workers.some(({ isActive }) => isActive);
    if (isReady) return;
    const waitedMs = clock.nowMs() - startMs;
    if (waitedMs > READY_MS) {
      const reason = `${active} of ${minerCount} storage nodes and ${workers.length} TEE workers are registered`;
      throw new CLIError({ code: "NOT_READY", waitedMs, reason });
    }
    await clock.sleep(POLL_MS);
  }
}

async function readTerritory(owner: ChainSender, id: Hex) {
  try {
    return await owner.read("territory", "territoryOf", [id]);
  } catch (cause) {
    if (isRefusal(cause)) return undefined;
    throw cause;
  }
}
