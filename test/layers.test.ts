// The folders of src are layers: all imports, including types, point in one direction.
import { readdirSync, readFileSync } from "node:fs";
import { posix } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { defined } from "./defined.ts";

const ROOT = fileURLToPath(new URL("..", import.meta.url));

/** From the lowest to the highest; a folder imports from itself and from those before it. */
const LAYERS = [
  "constants",
  "files",
  "wasm",
  "elf",
  "dwarf",
  "symbols",
  "source-lines",
  "table",
  "modules",
  "alias",
  "kernel-tree",
  "lookup",
  "livepatch",
  "report",
  "commands",
];

/** Files outside the folders that every layer may import. */
const GROUND = [
  "defined-properties.ts",
  "binary-search.ts",
  "checked-index.ts",
  "failure.ts",
  "grouping.ts",
  "printable.ts",
  "version.ts",
];

const files = readdirSync(`${ROOT}/src`, { recursive: true, encoding: "utf8" }).filter((path) =>
  path.endsWith(".ts"),
);
const source = (path: string) => readFileSync(`${ROOT}/src/${path}`, "utf8");

/** The files of src that a file imports, exports from, or loads. */
function importsOf(path: string): string[] {
  const found = source(path).matchAll(/(?:\bfrom\s*|\bimport\s*\(?\s*)"(\.[^"]+)"/g);
  return Array.from(found, ([, target]) => posix.join(posix.dirname(path), defined(target, "imported path")));
}

const layerOf = (path: string) => LAYERS.indexOf(path.replace(/\/.*/, ""));

test("every import is seen", () => {
  expect(importsOf("cli.ts")).toContain("commands/vmlinux.ts");
  const all = files.flatMap(importsOf);
  expect(all.length).toBeGreaterThan(files.length);
  for (const target of all) expect(target === "../package.json" || files.includes(target)).toBe(true);
});

test("a file imports only from its own layer and those below it", () => {
  const upward = files.flatMap((path) => {
    const targets = importsOf(path).filter(
      (target) => target !== "../package.json" && !GROUND.includes(target),
    );
    if (GROUND.includes(path)) return targets.map((target) => `${path} → ${target}`);
    if (!path.includes("/")) return [];
    const wrong = targets.filter((target) => layerOf(target) === -1 || layerOf(target) > layerOf(path));
    return wrong.map((target) => `${path} → ${target}`);
  });
  expect(upward).toEqual([]);
});

test("every folder is a layer", () => {
  const folders = new Set(files.filter((path) => path.includes("/")).map((path) => path.split("/", 1)[0]));
  expect([...folders].sort()).toEqual([...LAYERS].sort());
});

test("there are no import cycles", () => {
  const reaches = (from: string, seen: Set<string>): Set<string> => {
    for (const target of importsOf(from)) {
      if (seen.has(target) || !files.includes(target)) continue;
      seen.add(target);
      reaches(target, seen);
    }
    return seen;
  };
  expect(files.filter((path) => reaches(path, new Set()).has(path))).toEqual([]);
});

test("cli.ts alone reads the arguments and sets the exit status", () => {
  const those = files.filter((path) => /process\.(argv|exit\b|exitCode)|parseAsync\(\)/.test(source(path)));
  expect(those).toEqual(["cli.ts"]);
});

test("only the commands and cli.ts use the standard streams", () => {
  // Lines that begin with a star are comments: examples print.
  const code = (path: string) => source(path).replace(/^ *\*.*$/gm, "");
  const those = files.filter((path) => /process\.(stdin|stdout|stderr)|console\./.test(code(path)));
  expect(those.filter((path) => path !== "cli.ts" && !path.startsWith("commands/"))).toEqual([]);
});

test("docs/architecture.md lists the layers in this order", () => {
  const listed = Array.from(
    readFileSync(`${ROOT}/docs/architecture.md`, "utf8").matchAll(/^\| `src\/([a-z-]+)`/gm),
    ([, name]) => name,
  );
  expect(listed).toEqual(LAYERS);
});
