import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { KernelError } from "./error.ts";
import { KERNEL_HEAP_BYTES } from "./kernel-memory.ts";

const BUILD = join(import.meta.dirname, "../build");
const PAGE_BYTES = 65_536;

/** A kernel with memory of its own. Its host may write anywhere from {@link KERNEL_HEAP_BYTES} on. */
export interface WASMKernel<Exports> {
  readonly exports: Exports;
  readonly bytes: Uint8Array;
}

/**
 * Makes an instance of `packages/kernels/build/<name>.wasm`.
 *
 * @param heapBytes - Memory for the host, after the kernel's own; it never grows or moves.
 * @throws {@link KernelError} `KERNEL_NOT_BUILT` if `npm run prepare` has not run.
 */
export function createWASMKernel<Exports extends object>(
  name: string,
  heapBytes: number,
): WASMKernel<Exports> {
  const path = join(BUILD, `${name}.wasm`);
  if (!existsSync(path)) throw new KernelError({ code: "KERNEL_NOT_BUILT", name });
  const pages = Math.ceil((KERNEL_HEAP_BYTES + heapBytes) / PAGE_BYTES);
  const memory = new WebAssembly.Memory({ initial: pages, maximum: pages });
  const module = new WebAssembly.Module(readFileSync(path));
  const { exports } = new WebAssembly.Instance(module, { env: { memory } });
  return { exports: exports as Exports, bytes: new Uint8Array(memory.buffer) };
}
