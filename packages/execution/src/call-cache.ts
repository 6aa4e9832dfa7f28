/**
 * Results of calls that follow from a block and the call alone. Clients that follow the chain ask
 * the same of each new head, at the same moment.
 * @module
 */
import { BoundedMap } from "@cess/std/bounded-map";
import type { Hex } from "@cess/std/bytes";
import type { ExecResult } from "@ethereumjs/evm";

const RESULTS_COUNT_MAX = 512;
/** A longer result, or that of longer calldata, is not remembered: 40 MiB are in all. */
const RESULT_BYTES_MAX = 64 * 1024;
const DATA_BYTES_MAX = 4096;

export interface CachedCall {
  readonly block: Hex;
  readonly from: Hex;
  readonly to: Hex;
  readonly gas: bigint;
  readonly data: Uint8Array;
}

export class CallCache {
  #results = new BoundedMap<string, Promise<ExecResult>>(RESULTS_COUNT_MAX);

  /** The result of `run`, which whoever asks the same meanwhile waits for too. */
  recall(call: CachedCall, run: () => Promise<ExecResult>): Promise<ExecResult> {
    if (call.data.length > DATA_BYTES_MAX) return run();
    const { block, from, to, gas, data } = call;
    const key = `${block}/${from}/${to}/${gas}/${Buffer.from(data).toString("latin1")}`;
    const known = this.#results.get(key);
    if (known !== undefined) return known;
    const running = run();
    this.#results.set(key, running);
    const forget = () => void this.#results.delete(key);
    running.then(({ returnValue }) => {
      if (returnValue.length > RESULT_BYTES_MAX) forget();
    }, forget);
    return running;
  }

  clear(): void {
    this.#results = new BoundedMap(RESULTS_COUNT_MAX);
  }
}
