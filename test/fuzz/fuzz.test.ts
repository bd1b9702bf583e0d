// The campaign of `npm run fuzz` makes the same inputs everywhere, and finds what is wrong with a faulty program.
import { createHash } from "node:crypto";
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { defined } from "../defined.ts";
import { SAMPLE } from "../sample-kernel.ts";
import { temporaryDirectory } from "../temporary-directory.ts";
import { outcome, tool } from "../tool.ts";
import { runCampaign } from "./campaign.ts";
import { type Input, makeInput, readSeeds } from "./inputs.ts";
import { fewest } from "./minimise.ts";
import { inputOf, type StoredInput, storedInput } from "./stored-input.ts";
import { WorkerProcess } from "./worker-process.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const directory = temporaryDirectory();
const path = (name: string) => join(directory, name);

const SEEDS = path("seeds");
for (const folder of ["image", "listing", "names"]) mkdirSync(join(SEEDS, folder), { recursive: true });
copyFileSync(SAMPLE, join(SEEDS, "image/gcc"));
writeFileSync(join(SEEDS, "listing/gcc"), tool("nm", ["-n", SAMPLE]));
const NAMES = "name_show@a_c_1\nshow@b_c_2\nlast@c_c_3\n";
writeFileSync(join(SEEDS, "names/few"), NAMES);
const seeds = readSeeds(SEEDS);

describe("an input", () => {
  const kinds = ["image", "dwarf", "listing", "names"];

  /** The SHA-256 of everything in an input. */
  const digest = (input: Input) =>
    createHash("sha256")
      .update(JSON.stringify(storedInput(input)))
      .digest("hex");

  test("depends on the seed and its index alone", () => {
    const plans = Array.from({ length: 200 }, (_, index) => ({ seed: "7", index, kinds }));
    const digests = plans.map((plan) => digest(makeInput(seeds, plan)));
    const again = readSeeds(SEEDS);
    expect(plans.toReversed().map((plan) => digest(makeInput(again, plan)))).toEqual(digests.toReversed());
    const others = plans.map((plan) => digest(makeInput(seeds, { ...plan, seed: "8" })));
    expect(new Set([...digests, ...others]).size).toBeGreaterThan(380);
    // These do not depend on a compiler.
    expect(digest(makeInput(seeds, { seed: "7", index: 0, kinds: ["names"] }))).toBe(
      "6f026e8c6992775689c10944c2b2db77f185711099060aa508b1f75ce5425dbc",
    );
  });

  test("of debug information differs from the intact one in no other section", () => {
    const { sections = [] } = defined(seeds.get("image")?.[0]?.layout, "layout");
    const debug = sections.filter(({ name }) => name.startsWith(".debug_"));
    for (let index = 0; index < 200; index++) {
      const { files, changed, intact } = makeInput(seeds, { seed: "7", index, kinds: ["dwarf"] });
      const bytes = Buffer.from(defined(files[changed], changed));
      for (const { offset, size } of debug) intact.copy(bytes, offset, offset, offset + size);
      expect(bytes.equals(intact)).toBe(true);
    }
  });
});

test("the fewest items are found", async () => {
  const items = Array.from({ length: 100 }, (_, item) => item);
  const holds = async (kept: readonly number[]) => kept.includes(3) && kept.includes(77);
  expect(await fewest(items, holds)).toEqual([3, 77]);
});

/** Programs that fail on some inputs; `text` is the content of their input. */
const FAULTY: Readonly<Record<string, { code: string; fault: RegExp; isSlow?: true }>> = {
  "prints a stack trace": {
    code: 'throw new Error("odd")',
    fault: /^a message of another form: "Error: odd"/,
  },
  "leaves a temporary file": {
    code: 'fs.writeFileSync(".kas-alias-1", "")',
    fault: /^a file is left: \.kas-alias-…$/,
  },
  "leaves half an output": {
    code: 'fs.writeFileSync("out", "half"); fs.writeSync(2, "kas-alias: x: y\\n"); process.exitCode = 1',
    fault: /^out is written in spite of a failure$/,
  },
  "fails in silence": { code: "process.exitCode = 1", fault: /^a failure without a message$/ },
  hangs: { code: "for (;;);", fault: /^a hang$/, isSlow: true },
  waits: {
    code: "await new Promise((wait) => setTimeout(wait, 1e6))",
    fault: /^waiting without end$/,
    isSlow: true,
  },
  "takes memory": {
    code: "globalThis.kept = Buffer.alloc(1.1 * 2 ** 30, 1)",
    fault: /^more than 1 GiB of memory$/,
  },
  dies: { code: 'process.kill(process.pid, "SIGSEGV")', fault: /^the process ended: / },
};

/** Time for what must end at once, and for what must be waited for, in seconds. */
const patienceOf = (isSlow = false) => (isSlow ? 0.2 : 10);

const campaignOf = (bundle: string, title: string, { inputs = 250, seconds = 600, isSlow = false }) =>
  runCampaign({
    bundle,
    inputs,
    seconds,
    seed: "5",
    kinds: ["names"],
    workers: 1,
    seeds: SEEDS,
    state: path(`state ${title}`),
    temporary: directory,
    patience: patienceOf(isSlow),
    isStopped: () => false,
    report: () => {},
  });

describe.each(Object.entries(FAULTY))("a program that %s", (title, { code, fault, isSlow }) => {
  const program = path(`${title}.mjs`);
  writeFileSync(
    program,
    `const fs = process.getBuiltinModule("node:fs");
    const text = fs.readFileSync(fs.existsSync("names") ? "names" : "/dev/fd/0", "latin1");
    process.on("uncaughtException", (error) => { fs.writeSync(2, error.stack + "\\n"); process.exit(2); });
    if (text !== "" && !text.includes("show@b_c_2")) { ${code}; }`,
  );

  test("is found, its input is minimised, and fails again", async () => {
    const [finding] = Object.values(
      (await campaignOf(program, title, { inputs: 6, isSlow: isSlow === true })).findings,
    );
    expect(finding).toMatchObject({ fault: expect.stringMatching(fault), repeats: true });

    const stored: StoredInput = JSON.parse(readFileSync(defined(finding, title).path, "utf8"));
    const { files, changed } = inputOf(stored);
    // Each smaller input that hangs takes time.
    if (!isSlow) expect(defined(files[changed], changed).length).toBeLessThan(NAMES.length);
    const worker = new WorkerProcess({
      bundle: program,
      seeds: SEEDS,
      directory,
      patience: patienceOf(isSlow),
    });
    expect((await worker.ask({ stored })).fault).toMatch(fault);
    worker.stop();
  });
});

test("a campaign continues where it ended, and a program without faults has none", async () => {
  const program = path("good.mjs");
  writeFileSync(program, "");
  expect((await campaignOf(program, "good", { seconds: 0 })).counts).toEqual({});
  const { counts, findings } = await campaignOf(program, "good", {});
  expect({ counts, findings }).toEqual({ counts: { names: { 0: 250 } }, findings: {} });
  expect((await campaignOf(program, "good", {})).counts).toEqual({ names: { 0: 250 } });
});

test("the command line prints its seed and the fault, and repeats the input", () => {
  const program = path("silent.mjs");
  writeFileSync(program, "process.exitCode = 1");
  const fuzz = (...args: string[]) => {
    const options = [
      "--import",
      "./scripts/typescript.mjs",
      "test/fuzz/main.ts",
      "--state",
      path("state"),
      "--seeds",
      SEEDS,
    ];
    return outcome("env", ["-C", ROOT, process.execPath, ...options, "--program", program, ...args]);
  };
  const { status, stdout } = fuzz("--inputs", "3", "--kind", "names");
  const [, seed] = /^seed (\d+);/m.exec(stdout.toString()) ?? [];
  const [, fault = "", file = ""] =
    /^FAULT: (.*) \(3 inputs, first 0; (.*)\)$/m.exec(stdout.toString()) ?? [];
  expect({ status, fault }).toEqual({ status: 1, fault: "a failure without a message" });
  for (const what of [file, `${seed}/0`]) {
    const again = fuzz("--replay", what, "--kind", "names");
    expect({ status: again.status, stdout: again.stdout.toString() }).toEqual({
      status: 1,
      stdout: expect.stringContaining(fault),
    });
  }
});
