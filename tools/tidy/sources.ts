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
}

export interface Workspace {
  readonly folder: string;
  readonly name: string;
  readonly dependencies: ReadonlySet<string>;
}

const IMPORT =
  /(?:\bfrom|^import)\s*["']([@./\w-][^"'\s]*)["']|\bimport\(\s*["']([^"']+)["']\s*\)|new URL\(\s*["'](\.[^"']+\.ts)["']\s*,\s*import\.meta/gm;
const TEST_ONLY = /(\.test\.ts|\.bench\.ts)$|\/(testing|byzantine|test-support)\//;

export function readWorkspaces(): Workspace[] {
  return ["packages", "apps"].flatMap((parent) =>
    readdirSync(join(ROOT, parent)).map((child) => {
      const folder = `${parent}/${child}`;
      const manifest = JSON.parse(readFileSync(join(ROOT, folder, "package.json"), "utf8"));
      return {
        folder,
        name: manifest.name as string,
        dependencies: new Set(Object.keys(manifest.dependencies ?? {})),
      };
    }),
  );
}

export function readSources(workspaces: readonly Workspace[]): Source[] {
  return workspaces.flatMap(({ folder }) =>
    listFiles(join(ROOT, folder, "src")).map((absolute) => {
      const text = readFileSync(absolute, "utf8");
      const path = relative(ROOT, absolute);
      const imports = [...text.matchAll(IMPORT)].map(
        (match) => match[1] ?? match[2] ?? match[3] ?? "",
      );
      return { path, workspace: folder, text, isTest: TEST_ONLY.test(path), imports };
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
