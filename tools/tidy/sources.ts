import { readdirSync, readFileSync, statSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";

export const ROOT: string = resolve(import.meta.dirname, "../..");

/** One TypeScript file of a workspace, with what it imports. */
export interface Source {
  /** Relative to the repository. */
  readonly path: string;
  /** Workspace folder, such as `packages/codec`. */
  readonly workspace: string;
  readonly text: string;
  readonly isTest: boolean;
  /** Specifiers as written. */
  readonly imports: readonly string[];
  /** Those of them that are there at run time, not for their types alone. */
  readonly runtimeImports: readonly string[];
}

export interface Workspace {
  readonly folder: string;
  readonly name: string;
  readonly dependencies: ReadonlySet<string>;
  /** What only tests may import. */
  readonly devDependencies: ReadonlySet<string>;
}

const IMPORT =
  /^(?:import|export)\b(\s+type\b)?[^;"']*?\bfrom\s*["']([^"']+)["']|^import\s*["']([^"']+)["']|(?:\bimport|createRequire\(import\.meta\.url\))\(\s*["']([^"']+)["']\s*\)/gm;
/** Files that are started by their address: threads and processes. */
const ADDRESS = /new URL\(\s*["'](\.[^"']+\.ts)["']\s*,\s*import\.meta/g;
const TEST_ONLY = /(\.test\.ts|\.bench\.ts)$|\/(testing|sim|byzantine)\//;

export function readWorkspaces(): Workspace[] {
  return ["packages", "apps"].flatMap((parent) =>
    readdirSync(join(ROOT, parent)).map((child) => {
      const folder = `${parent}/${child}`;
      const manifest = JSON.parse(readFileSync(join(ROOT, folder, "package.json"), "utf8"));
      return {
        folder,
        name: manifest.name as string,
        dependencies: new Set(Object.keys(manifest.dependencies ?? {})),
        devDependencies: new Set(Object.keys(manifest.devDependencies ?? {})),
      };
    }),
  );
}

export function readSources(workspaces: readonly Workspace[]): Source[] {
  return workspaces.flatMap(({ folder }) =>
    listFiles(join(ROOT, folder, "src")).map((absolute) => {
      const text = readFileSync(absolute, "utf8");
      const path = relative(ROOT, absolute);
      const isTest = TEST_ONLY.test(path);
      return { path, workspace: folder, text, isTest, ...importsOf(text) };
    }),
  );
}

/** Repository path of the file that `specifier` means, or undefined for what npm or Node provides. */
export function resolveImport(
  source: Source,
  specifier: string,
  workspaces: readonly Workspace[],
): string | undefined {
  if (specifier.startsWith(".")) {
    return relative(ROOT, resolve(ROOT, dirname(source.path), specifier));
  }
  const owner = workspaces.find(({ name }) => specifier.startsWith(`${name}/`));
  return owner && `${owner.folder}/src/${specifier.slice(owner.name.length + 1)}.ts`;
}

function listFiles(folder: string): string[] {
  return readdirSync(folder).flatMap((name) => {
    const path = join(folder, name);
    if (statSync(path).isDirectory()) return name === "assembly" ? [] : listFiles(path);
    return /\.tsx?$/.test(name) && !name.endsWith(".d.ts") ? [path] : [];
  });
}

function importsOf(text: string): Pick<Source, "imports" | "runtimeImports"> {
  const found = [...text.matchAll(IMPORT)].map(([, type, from, bare, dynamic]) => {
    return { specifier: from ?? bare ?? dynamic ?? "", isType: type !== undefined };
  });
  const addresses = [...text.matchAll(ADDRESS)].map((match) => match[1] ?? "");
  return {
    imports: [...found.map(({ specifier }) => specifier), ...addresses],
    runtimeImports: found.filter(({ isType }) => !isType).map(({ specifier }) => specifier),
  };
}
