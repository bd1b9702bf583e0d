// Bundles the program into dist/kas-alias.mjs: one file that needs nothing but Node.
import { chmodSync } from "node:fs";
import { build } from "esbuild";

const node = {
  bundle: true,
  platform: /** @type {const} */ ("node"),
  format: /** @type {const} */ ("esm"),
  target: "node20.19",
  legalComments: /** @type {const} */ ("inline"),
  logLevel: /** @type {const} */ ("warning"),
};

await build({
  ...node,
  entryPoints: ["src/cli.ts"],
  outfile: "dist/kas-alias.mjs",
  minifySyntax: true,
  banner: {
    // commander and tmp are CommonJS modules and require Node's own.
    js: '#!/usr/bin/env node\n// SPDX-License-Identifier: GPL-2.0-only\nimport { createRequire } from "node:module";\nconst require = createRequire(import.meta.url);',
  },
});
chmodSync("dist/kas-alias.mjs", 0o755);
