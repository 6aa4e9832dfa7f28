import { type Codec, list, struct, u32 } from "@cess/codec/codec";
import type { Hex } from "@cess/std/bytes";
import type { ModuleName } from "./addresses.ts";
import type { ModuleHost } from "./module.ts";
import { address, defineCell, defineTable, type Page, pageIndexes } from "./storage.ts";

/**
 * A set of accounts that is read as a whole in every block: records of many accounts each, so that
 * a walk over ten thousand reads eighty records.
 */
export interface AccountList {
  count(host: ModuleHost): Promise<number>;
  /** Does nothing if it is there. */
  add(host: ModuleHost, account: Hex): Promise<void>;
  /** The last account takes the place of the removed one. */
  remove(host: ModuleHost, account: Hex): Promise<void>;
  page(host: ModuleHost, page: Page): Promise<readonly Hex[]>;
  /** All, record by record. */
  walk(host: ModuleHost): AsyncIterable<readonly Hex[]>;
}

const RECORD_ACCOUNTS = 128;
const recordCodec: Codec<readonly Hex[]> = list(address, RECORD_ACCOUNTS);

export function defineAccountList(at: {
  readonly module: ModuleName;
  readonly name: string;
}): AccountList {
  const { module, name } = at;
  const total = defineCell({ module, name: `${name}/count` }, u32, 0);
  const records = defineTable({ module, name: `${name}/record` }, u32, recordCodec);
  const places = defineTable(
    { module, name: `${name}/place` },
    address,
    struct<{ index: number }>({ index: u32 }),
  );

  const recordOf = async (host: ModuleHost, index: number): Promise<readonly Hex[]> => {
    return (await records.get(host, Math.floor(index / RECORD_ACCOUNTS))) ?? [];
  };

  async function put(host: ModuleHost, index: number, account: Hex): Promise<void> {
    const record = [...(await recordOf(host, index))];
    record[index % RECORD_ACCOUNTS] = account;
    await records.set(host, Math.floor(index / RECORD_ACCOUNTS), record);
    await places.set(host, account, { index });
  }

  async function dropLast(host: ModuleHost, index: number): Promise<void> {
    const record = (await recordOf(host, index)).slice(0, -1);
    const at = Math.floor(index / RECORD_ACCOUNTS);
    if (record.length === 0) await records.delete(host, at);
    else await records.set(host, at, record);
    await total.set(host, index);
  }

  return {
    count: (host) => total.get(host),
    async add(host, account) {
      if ((await places.get(host, account)) !== undefined) return;
      const index = await total.get(host);
      await put(host, index, account);
      await total.set(host, index + 1);
    },
    async remove(host, account) {
      const place = await places.get(host, account);
      if (place === undefined) return;
      const last = (await total.get(host)) - 1;
      const mover = (await recordOf(host, last))[last % RECORD_ACCOUNTS] as Hex;
      await dropLast(host, last);
      if (mover !== account) await put(host, place.index, mover);
      await places.delete(host, account);
    },
    async page(host, page) {
      const found: Hex[] = [];
      for (const index of pageIndexes(page, await total.get(host))) {
        found.push((await recordOf(host, index))[index % RECORD_ACCOUNTS] as Hex);
      }
      return found;
    },
    async *walk(host) {
      const count = await total.get(host);
      for (let index = 0; index < count; index += RECORD_ACCOUNTS) yield recordOf(host, index);
    },
  };
}
