import type { ChainReader } from "@cess/chain-client/chain";
import type { ChainEvent, ViewResult } from "@cess/chain-client/modules";

export type FileRecord = ViewResult<"files", "fileOf">;

/** Blocks asked for at once. */
const RANGE_BLOCKS = 500;

/** Every event of the modules from a block on, in the order of the chain. */
export async function eventsSince(chain: ChainReader, fromBlock = 1): Promise<ChainEvent[]> {
  const head = await chain.height();
  const events: ChainEvent[] = [];
  for (let first = fromBlock; first <= head; first += RANGE_BLOCKS) {
    const toBlock = Math.min(head, first + RANGE_BLOCKS - 1);
    events.push(...(await chain.events({ fromBlock: first, toBlock })));
  }
  return events;
}

/** Ids of the files declared from a block on. */
export async function declaredIds(chain: ChainReader, fromBlock = 1): Promise<`0x${string}`[]> {
  const events = await eventsSince(chain, fromBlock);
  return events.flatMap((event) =>
    event.module === "files" && event.name === "Declared" ? [event.args.fid] : [],
  );
}

/** Files declared from a block on, as the chain has them now. */
export async function declaredFiles(chain: ChainReader, fromBlock = 1): Promise<FileRecord[]> {
  const files: FileRecord[] = [];
  for (const fid of await declaredIds(chain, fromBlock)) {
    if (await chain.read("files", "hasFile", [fid])) {
      files.push(await chain.read("files", "fileOf", [fid]));
    }
  }
  return files;
}
