// The real kernels of these tests; `npm run test:kernels` fetches them and passes their location.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Kernel } from "../../scripts/kernels.mjs";

const cache = process.env.KAS_ALIAS_KERNELS;
if (cache === undefined) throw new Error("KAS_ALIAS_KERNELS is not set: use npm run test:kernels");

/** The folder with the kernels. */
export const CACHE = cache;

export const kernels: readonly Kernel[] = JSON.parse(readFileSync(join(CACHE, "kernels.json"), "utf8"));
if (kernels.length === 0) throw new Error(`${CACHE}/kernels.json names no kernel`);
