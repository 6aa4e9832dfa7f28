import type { Attack } from "./attack.ts";

/** Never says a word: a crash that nobody announces. */
export const SILENT: Attack = { name: "silent", corrupt: () => [] };
