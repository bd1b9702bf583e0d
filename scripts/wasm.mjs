// Compiles src/wasm/assembly to WebAssembly, and writes src/wasm/binary.ts: the binary as a string, and the types of its functions.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { main } from "assemblyscript/asc";
import { ROOT } from "./setup.mjs";

/** The files whose exports the program calls. */
const MODULES = [
  "abbreviations",
  "debug-info",
  "file-table",
  "line-program",
  "listing",
  "names",
  "ranges",
  "unit",
];

/** The maximum number of pages of a memory. */
function memoryPages() {
  const layout = readFileSync(join(ROOT, "src/wasm/layout.ts"), "utf8");
  const [, pages] = /^export const MEMORY_PAGES = (\d+);$/m.exec(layout) ?? [];
  if (pages === undefined) throw new Error("src/wasm/layout.ts has no MEMORY_PAGES");
  return pages;
}

/** Runs the compiler. @returns the binary in base64, and the TypeScript declarations */
async function compile() {
  /** @type {Map<string, string | Uint8Array>} */
  const written = new Map();
  const sources = MODULES.map((name) => `src/wasm/assembly/${name}.ts`);
  const memory = [
    "--importMemory",
    "--enable",
    "threads",
    "--sharedMemory",
    "--maximumMemory",
    memoryPages(),
  ];
  const options = ["-O3", "--runtime", "stub", ...memory, "--noAssert"];
  const outputs = ["--outFile", "out.wasm", "--bindings", "raw"];
  const { error, stderr } = await main([...sources, "--baseDir", ROOT, ...options, ...outputs], {
    writeFile(name, contents) {
      written.set(name, contents);
    },
  });
  process.stderr.write(stderr.toString());
  const binary = written.get("out.wasm");
  const declarations = written.get("out.d.ts");
  if (error !== null || binary === undefined || declarations === undefined) {
    throw error ?? new Error("asc wrote no output");
  }
  return { binary: Buffer.from(binary).toString("base64"), declarations: declarations.toString() };
}

/**
 * Derives the types of the raw exports from the declarations of the compiler's bindings. JavaScript receives a bool as 0 or 1.
 * @param {string} declarations
 */
function functionTypes(declarations) {
  const found = Array.from(
    declarations.matchAll(/^ {2}export function (\w+)\((.*)\): (void|number|boolean);$/gm),
    ([, name, parameters, result]) => `  ${name}(${parameters}): ${result === "boolean" ? "0 | 1" : result};`,
  );
  const exported = declarations.match(/^ {2}export /gm)?.length;
  // The memory is also exported.
  if (found.length + 1 !== exported) throw new Error(`${found.length} functions of ${exported} exports`);
  return found;
}

const { binary, declarations } = await compile();
const lines = [
  "// Made by scripts/wasm.mjs from the files in assembly/, which explain the functions.",
  "",
  "/** Every number but counts is an offset in the memory, in bytes. */",
  "export interface WasmProgram {",
  ...functionTypes(declarations),
  "}",
  "",
  "export const WASM =",
  `  "${binary}";`,
];
writeFileSync(join(ROOT, "src/wasm/binary.ts"), `${lines.join("\n")}\n`);
