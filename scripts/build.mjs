// Bundles the program into dist/kas-alias.mjs, one file that needs only Node.js, and the library into dist/index.mjs.
import { chmodSync, readdirSync, readFileSync } from "node:fs";
import { isBuiltin } from "node:module";
import { join, relative } from "node:path";
import { build, transform } from "esbuild";
import { nodeFault } from "./node-version.mjs";
import "./wasm.mjs";

/** The files below scripts/kernel by path, for src/kernel-tree/kernel-files.ts. */
function kernelFiles() {
  const directory = "scripts/kernel";
  const entries = readdirSync(directory, { recursive: true, withFileTypes: true });
  const paths = entries
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => join(parentPath, name));
  return Object.fromEntries(
    paths.sort().map((path) => [relative(directory, path), readFileSync(path, "utf8")]),
  );
}

/** Bundles src/report/diff-page into one text; src/report/diff-html.ts inserts the data. */
async function diffPage() {
  const directory = "src/report/diff-page";
  const { outputFiles } = await build({
    entryPoints: [`${directory}/page.ts`, `${directory}/page.css`],
    outdir: "dist",
    bundle: true,
    minify: true,
    write: false,
    format: "iife",
    target: "es2022",
    legalComments: "inline",
    logLevel: "warning",
  });
  const [script = "", style = ""] = outputFiles.map(({ text }) => text.trim());
  const page = readFileSync(`${directory}/page.html`, "utf8");
  return page.replace("/*STYLE*/", () => style).replace("/*SCRIPT*/", () => script);
}

/**
 * Loads each of Node's own modules at its first use. An `import` lists all exports of the module, for which Node loads much unused code,
 * and libraries import more than a run needs. Together this saves a third of the program's start-up time.
 * @type {import("esbuild").Plugin}
 */
const builtinModules = {
  name: "builtin-modules",
  setup({ onResolve, onLoad }) {
    const namespace = "builtin";
    onResolve({ filter: /^[a-z]/ }, ({ path }) => (isBuiltin(path) ? { path, namespace } : undefined));
    onLoad({ filter: /./, namespace }, ({ path }) => {
      const load = `process.getBuiltinModule(${JSON.stringify(path)})`;
      // esbuild's code for an import copies the object's own members and keeps its prototype.
      const loadLater = `Object.create(new Proxy({}, { get: (_, name, asked) => (asked[name] = ${load}[name]) }))`;
      const isObject = typeof process.getBuiltinModule(path) === "object";
      return { contents: `module.exports = ${isObject ? loadLater : load};` };
    });
  },
};

const node = {
  bundle: true,
  plugins: [builtinModules],
  platform: /** @type {const} */ ("node"),
  format: /** @type {const} */ ("esm"),
  target: "node20.19",
  minifySyntax: true,
  legalComments: /** @type {const} */ ("inline"),
  define: {
    KERNEL_FILES: JSON.stringify(JSON.stringify(kernelFiles())),
    DIFF_PAGE: JSON.stringify(await diffPage()),
  },
  logLevel: /** @type {const} */ ("warning"),
};

/**
 * Creates the first statement of a file, before code that an old Node can parse but not run.
 * @param {string} refusal statements that handle `fault`
 */
async function nodeCheck(refusal) {
  const script = `(fault=>{if(fault!=="")${refusal}})((${nodeFault})(process.versions.node))`;
  return (await transform(script, { minify: true })).code.trim();
}

/**
 * For scripts/coverage.mjs: code with its lines, and a source map. The bundle does not name the map, since Node would copy it
 * into the coverage file of each run.
 */
const measured = process.env.NODE_V8_COVERAGE
  ? { minify: false, minifySyntax: false, sourcemap: /** @type {const} */ ("external") }
  : {};

const licence = "// SPDX-License-Identifier: GPL-2.0-only";
/**
 * @param {string} entry
 * @param {string} outfile
 * @param {string[]} firstLines
 * @param {import("esbuild").BuildOptions} [options]
 */
async function bundle(entry, outfile, firstLines, options) {
  const js = firstLines.join("\n");
  await build({ ...node, ...options, entryPoints: [entry], outfile, banner: { js } });
}

const refusal = '{process.stderr.write(fault+"\\n");process.exit(1)}';
// Node reads all of a program, comments too, before it runs any of it.
await bundle("src/cli.ts", "dist/kas-alias.mjs", ["#!/usr/bin/env node", licence, await nodeCheck(refusal)], {
  minify: true,
  ...measured,
});
await bundle("src/index.ts", "dist/index.mjs", [licence, await nodeCheck("throw new Error(fault)")]);
chmodSync("dist/kas-alias.mjs", 0o755);
