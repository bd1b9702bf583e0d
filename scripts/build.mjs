// Bundles the program into dist/kas-alias.mjs, one file that needs nothing but Node, and the library into dist/index.mjs.
import { chmodSync } from "node:fs";
import { build } from "esbuild";

const node = {
  bundle: true,
  platform: /** @type {const} */ ("node"),
  format: /** @type {const} */ ("esm"),
  target: "node20.19",
  minifySyntax: true,
  legalComments: /** @type {const} */ ("inline"),
  logLevel: /** @type {const} */ ("warning"),
};

const licence = "// SPDX-License-Identifier: GPL-2.0-only";
// commander and tmp are CommonJS modules and require Node's own.
const requireFunction = [
  'import { createRequire } from "node:module";',
  "const require = createRequire(import.meta.url);",
];

/**
 * @param {string} entry
 * @param {string} outfile
 * @param {string[]} firstLines
 */
async function bundle(entry, outfile, firstLines) {
  const js = [...firstLines, licence, ...requireFunction].join("\n");
  await build({ ...node, entryPoints: [entry], outfile, banner: { js } });
}

await bundle("src/cli.ts", "dist/kas-alias.mjs", ["#!/usr/bin/env node"]);
await bundle("src/index.ts", "dist/index.mjs", []);
chmodSync("dist/kas-alias.mjs", 0o755);
