/**
 * Compiles every `packages/kernels/src/assembly/<name>.ts` to `packages/kernels/build/<name>.wasm`.
 *
 * Convention of a kernel: it imports its memory as `env.memory`, keeps no state between calls, and
 * leaves all memory from {@link KERNEL_HEAP_BYTES} on to its host, which passes addresses in. The
 * first page is the kernel's own, for constants. There is no garbage collector: allocate nothing.
 */
import { mkdirSync, readdirSync, renameSync, rmSync, statSync } from "node:fs";
import { join, parse, relative } from "node:path";
import { KERNEL_HEAP_BYTES } from "../packages/kernels/src/kernel-memory.ts";

const ROOT = join(import.meta.dirname, "..");
const SOURCE = join(ROOT, "packages/kernels/src/assembly");
const BUILD = join(ROOT, "packages/kernels/build");
/** Whatever changes the output beside the sources. */
const TOOLCHAIN = [import.meta.filename, join(ROOT, "node_modules/assemblyscript/package.json")];

const entries = readdirSync(SOURCE).filter((file) => file.endsWith(".ts"));
const changedMs = Math.max(...TOOLCHAIN.map(modifiedMs));
for (const file of entries) {
  const source = join(SOURCE, file);
  const target = join(BUILD, `${parse(file).name}.wasm`);
  if (modifiedMs(target) < Math.max(changedMs, modifiedMs(source))) await compile(source, target);
}

async function compile(source: string, target: string): Promise<void> {
  // The compiler takes 100 ms to load, so it is loaded only when there is work.
  const { main } = await import("assemblyscript/asc");
  mkdirSync(BUILD, { recursive: true });
  // Two builds may run at once: each writes a file of its own and the last rename wins.
  const partial = `${target}.${process.pid}.wasm`;
  const { error, stderr } = await main([
    relative(ROOT, source),
    ...["--baseDir", ROOT, "--outFile", relative(ROOT, partial)],
    ...[
      "-O3",
      "--converge",
      "--noAssert",
      "--enable",
      "simd",
      "--enable",
      "relaxed-simd",
      "--runtime",
      "stub",
    ],
    ...["--importMemory", "--initialMemory", String(KERNEL_HEAP_BYTES / 65_536)],
  ]);
  if (error !== null) {
    rmSync(partial, { force: true });
    process.stderr.write(`${relative(ROOT, source)} does not compile:\n${stderr.toString()}`);
    process.exit(1);
  }
  renameSync(partial, target);
  process.stdout.write(`built ${relative(ROOT, target)} (${statSync(target).size} bytes)\n`);
}

/** When a file was last written; 0 if there is none. */
function modifiedMs(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;
}
