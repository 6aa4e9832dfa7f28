/**
 * References of documents into the code: `` `symbol` path/to/file.ts:12 ``. The line has to be the
 * one where the symbol is declared.
 *
 *     node tools/tidy/references.ts   corrects the line numbers
 */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "./sources.ts";

export const DOCUMENTS: readonly string[] = ["ARCHITECTURE.md"];

const REFERENCE = /`([\w#]+)` \[([\w./-]+\.ts):(\d+)\]\(([^)]*)\)/g;

/** The document with each line number and link corrected, and what could not be found. */
export function correctReferences(
  document: string,
  readSource: (path: string) => string | undefined,
): { readonly corrected: string; readonly missing: readonly string[] } {
  const missing: string[] = [];
  const corrected = document.replaceAll(REFERENCE, (whole, symbol: string, path: string) => {
    const line = lineOf(symbol, readSource(path));
    if (line === undefined) {
      missing.push(`\`${symbol}\` is not declared in ${path}`);
      return whole;
    }
    return `\`${symbol}\` [${path}:${line}](${path}#L${line})`;
  });
  return { corrected, missing };
}

/** First line that declares the symbol: a function, class, constant, method or field. */
function lineOf(symbol: string, source: string | undefined): number | undefined {
  const name = symbol.replaceAll("#", "\\#");
  const declaration = new RegExp(
    `^\\s*(export\\s+)?(async\\s+)?(function\\*?|class|const|interface)\\s+${name}\\b|^\\s+(readonly |async |\\*)*${name}[(:]`,
  );
  const index = source?.split("\n").findIndex((line) => declaration.test(line)) ?? -1;
  return index === -1 ? undefined : index + 1;
}

export function readRepositoryFile(path: string): string | undefined {
  const absolute = join(ROOT, path);
  return existsSync(absolute) ? readFileSync(absolute, "utf8") : undefined;
}

if (import.meta.main) {
  for (const document of DOCUMENTS) {
    const path = join(ROOT, document);
    const { corrected, missing } = correctReferences(
      readFileSync(path, "utf8"),
      readRepositoryFile,
    );
    writeFileSync(path, corrected);
    for (const each of missing) console.error(`${document}: ${each}`);
    process.exitCode = missing.length > 0 ? 1 : 0;
  }
}
