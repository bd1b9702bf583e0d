// Compiles src/wasm/assembly to WebAssembly, and writes it as a string into src/wasm/binary.ts.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { main } from "assemblyscript/asc";
import { ROOT } from "./setup.mjs";

/** @type {string | Uint8Array | null} */
let binary = null;
const sources = [
  "abbreviations",
  "debug-info",
  "file-table",
  "line-program",
  "listing",
  "names",
  "ranges",
  "unit",
].map((name) => `src/wasm/assembly/${name}.ts`);
// As many pages as MEMORY_LIMIT of src/wasm/program.ts.
const memory = ["--importMemory", "--enable", "threads", "--sharedMemory", "--maximumMemory", "32768"];
const options = ["-O3", "--runtime", "stub", ...memory, "--noAssert", "--outFile", "wasm"];
const { error, stderr } = await main([...sources, "--baseDir", ROOT, ...options], {
  writeFile(_name, contents) {
    binary = contents;
  },
});
process.stderr.write(stderr.toString());
if (error !== null || binary === null) throw error ?? new Error("asc has written nothing");
const text = Buffer.from(binary).toString("base64");
const lines = [
  "// Made by scripts/wasm.mjs from the files in assembly/.",
  "export const WASM =",
  `  "${text}";`,
];
writeFileSync(join(ROOT, "src/wasm/binary.ts"), `${lines.join("\n")}\n`);
