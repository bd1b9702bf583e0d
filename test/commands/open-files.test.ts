// A run over many modules holds few files open.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { temporaryDirectory } from "../temporary-directory.ts";
import { tool } from "../tool.ts";
import { PROGRAM } from "./program.ts";

test("the decompressed sections of a module are closed with it", () => {
  const directory = temporaryDirectory();
  const source = join(directory, "twin.c");
  writeFileSync(source, "static int twin(int a) { return a; }\nint (*pointer)(int) = twin;\n");
  const modules = Array.from({ length: 150 }, (_, i) => join(directory, `m${i}.ko`));
  tool("gcc", ["-c", "-g", "-gz", "-o", modules[0] ?? "", source]);
  for (const module of modules.slice(1)) tool("cp", [modules[0] ?? "", module]);
  // Node itself needs some twenty; each module has five compressed sections.
  const run = ["-c", 'ulimit -n 32; exec "$@"', "bash", process.execPath, PROGRAM, "modules", ...modules];
  const table = tool("bash", [...run, "--scope=object", "--table-scope=all", "--table=-"]).toString();
  expect(table.trimEnd().split("\n").length).toBe(1 + modules.length);
});
