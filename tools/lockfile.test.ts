import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";

interface LockedPackage {
  /** Left out itself where it does not fit: then nothing is asked of what it would bring. */
  readonly optional?: boolean;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

/**
 * `npm install` leaves the packages of other platforms out if the registry in use does not carry
 * them, and `npm ci` then refuses the lockfile everywhere: put their entries back from its history.
 */
test("the lockfile lists the optional packages of all platforms", () => {
  const path = join(import.meta.dirname, "../package-lock.json");
  const { packages } = JSON.parse(readFileSync(path, "utf8")) as {
    packages: Readonly<Record<string, LockedPackage>>;
  };
  const missing = Object.entries(packages)
    .filter(([, { optional }]) => optional !== true)
    .flatMap(([at, { optionalDependencies = {} }]) =>
      Object.keys(optionalDependencies).filter((name) => {
        return !(`node_modules/${name}` in packages || `${at}/node_modules/${name}` in packages);
      }),
    );
  assert(Object.keys(packages).length > 100);
  assert.deepEqual(missing, []);
});
