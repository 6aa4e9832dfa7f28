import { encodeSegment, SegmentEncoder } from "@cess/erasure/segment-encoder";
import { columnCount, type Profile } from "@cess/params/profile";
import { createCodedFile } from "./coded-file.ts";
import type { FileUploadDeps, FileUploadOptions, UploadedFile } from "./file-upload.ts";
import type { StorageMiner } from "./placement.ts";
import { collectReceipts } from "./receipt-rounds.ts";

/** Encoders kept for reuse; each owns about a mebibyte of kernel memory. */
const ENCODERS_MAX = 4;

/** Stores files of one segment that are in memory: one request a column, receipt included. */
export class BundleUploader {
  readonly #deps: FileUploadDeps;
  readonly #encoders = new Map<number, SegmentEncoder[]>();

  constructor(deps: FileUploadDeps) {
    this.#deps = deps;
  }

  /** @throws {@link StorageClientError} `TOO_FEW_NODES` */
  async upload(bytes: Uint8Array, options: FileUploadOptions): Promise<UploadedFile> {
    const { profile, territory, signal } = options;
    const { fragments, segment } = this.#encode(profile, bytes);
    const file = createCodedFile(profile, [segment]);
    const miners = this.#deps.choose(columnCount(profile), new Set());
    const used = new Set(miners.map((miner) => miner.account));
    const stored = new Set<StorageMiner>();
    const placement = fragments.map((_, column) => miners[column]);
    const signed = await collectReceipts(file, placement, {
      signal,
      clock: this.#deps.clock,
      chainId: this.#deps.chainId,
      territory,
      expiryBlock: await this.#deps.expiryBlock(),
      take: async (miner, request, stop) => {
        if (stored.has(miner)) return this.#deps.nodes.takeReceipt(miner, request, stop);
        const fragment = fragments[request.column] as Uint8Array;
        const receipt = await this.#deps.nodes.storeColumn(miner, request, {
          bytes: fragment,
          signal: stop,
        });
        stored.add(miner);
        return receipt;
      },
      replace: () => {
        const [replacement] = this.#deps.choose(1, used);
        if (replacement !== undefined) used.add(replacement.account);
        return replacement;
      },
    });
    return { file, ...signed };
  }

  #encode(profile: Profile, bytes: Uint8Array): ReturnType<typeof encodeSegment> {
    const idle = this.#encoders.get(profile.id) ?? [];
    this.#encoders.set(profile.id, idle);
    const encoder = idle.pop() ?? new SegmentEncoder(profile);
    const encoded = encodeSegment(encoder, bytes);
    if (idle.length < ENCODERS_MAX) idle.push(encoder);
    return encoded;
  }
}
