// Damaged files: any damage ends in a one-line failure, quickly and with little memory.
import { spawn } from "node:child_process";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { beforeAll, describe, expect, test } from "vitest";
import { buildSample, SAMPLE } from "../sample-kernel.ts";
import { buildProgram } from "../source-lines/declared-program.ts";
import { temporaryDirectory } from "../temporary-directory.ts";
import { tool } from "../tool.ts";

const directory = temporaryDirectory();
const path = (name: string) => join(directory, name);
const mutator = path("mutate.mjs");

/** No run may take longer than this, in ms. */
const PATIENCE = 10_000;

beforeAll(async () => {
  await build({
    entryPoints: [fileURLToPath(new URL("mutate.ts", import.meta.url))],
    outfile: mutator,
    bundle: true,
    platform: "node",
    format: "esm",
    logLevel: "warning",
    banner: {
      js: 'import { createRequire } from "node:module"; const require = createRequire(import.meta.url);',
    },
  });
});

/** Runs the mutator. @returns the number of images that it could still alias */
function mutate(image: string, seed: number, runs: number): Promise<number> {
  const work = path(`work-${seed}`);
  mkdirSync(work);
  return new Promise((resolve, reject) => {
    const args = ["--max-old-space-size=900", mutator, image, work, String(seed), String(runs)];
    const child = spawn(process.execPath, args, {
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...process.env, TMPDIR: work },
    });
    let output = "";
    let complaint = "";
    let silence: NodeJS.Timeout | undefined;
    const expectOutput = () => {
      clearTimeout(silence);
      silence = setTimeout(() => {
        child.kill("SIGKILL");
        complaint += `run ${output.split("\n").length} with seed ${seed} takes longer than ${PATIENCE} ms`;
      }, PATIENCE);
    };
    expectOutput();
    child.stdout.on("data", (data) => {
      output += data;
      expectOutput();
    });
    child.stderr.on("data", (data) => {
      complaint += data;
    });
    child.on("close", (status, signal) => {
      clearTimeout(silence);
      const good = /^good (\d+)$/m.exec(output)?.[1];
      if (status === 0 && good !== undefined) resolve(Number(good));
      else
        reject(
          new Error(
            `${image}, seed ${seed}: ${status ?? signal} ${complaint} ${output.split("\n").slice(-2).join("")}`,
          ),
        );
    });
  });
}

interface Victim {
  readonly name: string;
  readonly make: (out: string) => unknown;
  /** Seeds of processes of RUNS damaged images each. */
  readonly seeds: readonly number[];
}

const RUNS = 250;

const VICTIMS: readonly Victim[] = [
  { name: "gcc, DWARF 5", make: (out) => tool("cp", [SAMPLE, out]), seeds: [1, 2, 3, 4] },
  { name: "gcc, DWARF 4", make: (out) => buildSample(out, { CFLAGS: "-gdwarf-4" }), seeds: [11, 12, 13, 14] },
  {
    name: "compressed with zlib",
    make: (out) => tool("objcopy", ["--compress-debug-sections=zlib", SAMPLE, out]),
    seeds: [21, 22],
  },
  {
    name: "compressed with zstd",
    make: (out) => tool("objcopy", ["--compress-debug-sections=zstd", SAMPLE, out]),
    seeds: [31, 32],
  },
  {
    name: "clang, 32-bit and big-endian",
    make: (out) => buildSample(out, { CC: "clang", LD: "ld.lld", CFLAGS: "--target=mips-linux-gnu" }),
    seeds: [41, 42, 43, 44],
  },
  {
    name: "gcc with link-time optimisation, declarations in other units",
    make: (out) => buildProgram(out, { compiler: "gcc", flags: ["-g", "-flto"] }),
    seeds: [51, 52],
  },
  {
    name: "clang with ThinLTO, addresses and lists by index",
    make: (out) => buildProgram(out, { compiler: "clang-19", flags: ["-g", "-flto=thin", "-fuse-ld=lld"] }),
    seeds: [61, 62],
  },
];

describe.each(VICTIMS)("an image damaged anywhere: $name", ({ name, make, seeds }) => {
  const image = path(name.replace(/\W/g, "-"));

  beforeAll(() => {
    make(image);
  });

  test.each(seeds)("ends in aliases or a one-line failure (seed %i)", async (seed) => {
    const good = await mutate(image, seed, RUNS);
    expect(good).toBeGreaterThan(0);
    expect(good).toBeLessThan(RUNS);
  });
});
