import { resolveImport, type Source, type Workspace } from "./sources.ts";

/** Layers from the bottom up: a package imports from lower layers, or from its own if listed later. */
export const LAYERS: readonly (readonly string[])[] = [
  ["std", "codec", "params"],
  ["runtime", "kernels"],
  ["crypto", "erasure", "proofs"],
  ["consensus", "protocol"],
  ["execution", "network", "storage-wire", "chain-client"],
  ["chain", "storage-client", "storage-node", "tee-worker"],
  ["rpc", "s3"],
  ["cess"],
];

/** Frameworks that only one package may import. */
const WALLED_IN: readonly (readonly [pattern: RegExp, owner: string])[] = [
  [/^@ethereumjs\//, "packages/execution"],
  [/^(libp2p$|@libp2p\/|@multiformats\/)/, "packages/network"],
  [/^prom-client$/, "packages/runtime"],
];

/** Packages whose logic must be the same on every machine and at any time. */
const DETERMINISTIC = [
  "codec",
  "crypto",
  "erasure",
  "proofs",
  "consensus",
  "protocol",
  "execution",
];
const AMBIENT = /\b(Date\.now\(|new Date\(\)|Math\.random\(|setTimeout\(|setInterval\(|fetch\()/;
const UNTYPED_THROW = /\bthrow new Error\(/;
const LEFTOVER = /\b(FIXME|TODO|XXX)\b/;
const SKIPPED_TEST = /\b(it|test|describe)\.(skip|todo|only)\b/;
/** A file beyond this needs to be two, or a line here that says why not. */
const LINES_MAX = 400;
const LONG_FILES: ReadonlySet<string> = new Set([]);

/** Everything that is wrong, one line each. */
export function findViolations(
  workspaces: readonly Workspace[],
  sources: readonly Source[],
): string[] {
  return [
    ...sources.flatMap((source) => importViolations(source, workspaces)),
    ...sources.flatMap(textViolations),
    ...deadFiles(workspaces, sources),
    ...unusedDependencies(workspaces, sources),
    ...cycles(workspaces, sources),
  ];
}

function importViolations(source: Source, workspaces: readonly Workspace[]): string[] {
  const own = workspaces.find(({ folder }) => folder === source.workspace) as Workspace;
  return source.imports.flatMap((specifier) => {
    if (specifier.startsWith(".") || specifier.startsWith("node:")) return [];
    const target = workspaces.find(({ name }) => specifier.startsWith(`${name}/`));
    const dependency =
      target?.name ?? specifier.split("/", specifier.startsWith("@") ? 2 : 1).join("/");
    const found: string[] = [];
    const isTestDependency = own.devDependencies.has(dependency) || isTestTool(dependency);
    if (!own.dependencies.has(dependency) && !(source.isTest && isTestDependency)) {
      found.push(`${source.path}: imports ${dependency}, which its package.json does not declare`);
    }
    if (target !== undefined && rank(target.folder) >= rank(own.folder)) {
      found.push(`${source.path}: imports upwards, from ${target.folder}`);
    }
    for (const [pattern, owner] of WALLED_IN) {
      if (pattern.test(specifier) && own.folder !== owner) {
        found.push(`${source.path}: only ${owner} may import ${specifier}`);
      }
    }
    return found;
  });
}

/** Development dependencies of the repository that any test may use. */
function isTestTool(dependency: string): boolean {
  return dependency === "fast-check" || dependency.startsWith("@aws-sdk/");
}

/** Position in {@link LAYERS}, later within a layer counting as higher. */
function rank(folder: string): number {
  const name = folder.split("/")[1] ?? "";
  const at = LAYERS.flat().indexOf(name);
  return at === -1 ? Number.POSITIVE_INFINITY : at;
}

function textViolations({ path, text, isTest, workspace }: Source): string[] {
  const found: string[] = [];
  const lines = text.split("\n");
  if (lines.length > LINES_MAX + 1 && !LONG_FILES.has(path)) {
    found.push(`${path}: ${lines.length} lines, more than ${LINES_MAX}`);
  }
  const isDeterministic = DETERMINISTIC.includes(workspace.split("/")[1] ?? "") && !isTest;
  lines.forEach((line, index) => {
    const at = `${path}:${index + 1}`;
    if (!isTest && UNTYPED_THROW.test(line)) found.push(`${at}: throws an untyped error`);
    if (LEFTOVER.test(line)) found.push(`${at}: left to do`);
    if (SKIPPED_TEST.test(line)) found.push(`${at}: a test that does not run`);
    if (isDeterministic && AMBIENT.test(line)) found.push(`${at}: ambient time or randomness`);
  });
  return found;
}

/** Files that nothing imports, and that are no entry point. */
function deadFiles(workspaces: readonly Workspace[], sources: readonly Source[]): string[] {
  const imported = new Set(
    sources.flatMap((source) =>
      source.imports.map((specifier) => resolveImport(source, specifier, workspaces)),
    ),
  );
  return sources
    .filter(({ path, isTest }) => !isTest && !path.endsWith("/main.ts") && !imported.has(path))
    .map(({ path }) => `${path}: nothing imports it`);
}

function unusedDependencies(
  workspaces: readonly Workspace[],
  sources: readonly Source[],
): string[] {
  return workspaces.flatMap(({ folder, dependencies }) => {
    const imported = sources
      .filter(({ workspace, isTest }) => workspace === folder && !isTest)
      .flatMap(({ imports }) => imports);
    const isUsed = (name: string) =>
      imported.some((specifier) => specifier === name || specifier.startsWith(`${name}/`));
    return [...dependencies]
      .filter((name) => !isUsed(name))
      .map((name) => `${folder}/package.json: ${name} is declared and not imported`);
  });
}

function cycles(workspaces: readonly Workspace[], sources: readonly Source[]): string[] {
  const byPath = new Map(sources.map((source) => [source.path, source]));
  const done = new Set<string>();
  const found: string[] = [];
  const visit = (path: string, trail: readonly string[]): void => {
    if (trail.includes(path)) {
      found.push(`cycle: ${[...trail.slice(trail.indexOf(path)), path].join(" → ")}`);
      return;
    }
    if (done.has(path)) return;
    const source = byPath.get(path);
    for (const specifier of source?.runtimeImports ?? []) {
      const target = resolveImport(source as Source, specifier, workspaces);
      if (target !== undefined) visit(target, [...trail, path]);
    }
    done.add(path);
  };
  for (const path of byPath.keys()) visit(path, []);
  return found;
}
