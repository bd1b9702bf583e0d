// `node --import ./scripts/typescript.mjs file.ts` runs TypeScript where it is, on every Node.js that the program supports.
import { readFile } from "node:fs/promises";
import { register } from "node:module";
import { isMainThread } from "node:worker_threads";
import { transform } from "esbuild";

// Node.js loads this file twice: as given, and in the thread that runs the hooks.
if (isMainThread) register(import.meta.url);

/** @type {import("node:module").LoadHook} */
export async function load(url, context, nextLoad) {
  if (!url.endsWith(".ts")) return nextLoad(url, context);
  const { code } = await transform(await readFile(new URL(url), "utf8"), {
    loader: "ts",
    target: "node20.19",
  });
  return { format: "module", source: code, shortCircuit: true };
}
