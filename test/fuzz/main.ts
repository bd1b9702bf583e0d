// The command line of `npm run fuzz`, and what it prints. scripts/fuzz.mjs starts it.
import { execFileSync } from "node:child_process";
import { createHash, randomInt } from "node:crypto";
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
} from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { type CampaignState, runCampaign, STATE_FILE } from "./campaign.ts";
import { KINDS } from "./inputs.ts";
import { buildSeeds } from "./seeds.ts";
import { WorkerProcess } from "./worker-process.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

const { values } = parseArgs({
  options: {
    inputs: { type: "string" },
    seed: { type: "string" },
    workers: { type: "string", default: `${availableParallelism()}` },
    time: { type: "string", default: "Infinity" },
    kind: { type: "string", multiple: true },
    patience: { type: "string", default: "10" },
    resume: { type: "boolean", default: false },
    replay: { type: "string" },
    program: { type: "string", default: join(ROOT, "dist/kas-alias.mjs") },
    seeds: { type: "string" },
    state: { type: "string", default: join(ROOT, "fuzz") },
  },
});

const temporary = mkdtempSync(join(tmpdir(), "fuzz-"));
// A program that is built meanwhile changes nothing.
const bundle = join(temporary, "kas-alias.mjs");
copyFileSync(values.program, bundle);
const kinds = values.kind ?? Object.keys(KINDS);
const patience = Number(values.patience);
for (const kind of kinds)
  if (KINDS[kind] === undefined) trouble(`--kind ${kind}: give ${Object.keys(KINDS).join(", ")}`);
for (const name of ["inputs", "workers", "time", "patience"] as const)
  if (!(Number(values[name] ?? 1) > 0)) trouble(`--${name} ${values[name]}: give a number above 0`);

let isStopped = false;
for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => (isStopped = true));

function trouble(message: string): never {
  process.stderr.write(`${message}\n`);
  process.exit(2);
}

async function campaign(): Promise<number> {
  const seeds = builtSeeds();
  const directory = join(
    values.state,
    hashOf(["dist/kas-alias.mjs", "test/fuzz"], readFileSync(bundle), seeds),
  );
  mkdirSync(directory, { recursive: true });
  const seed = values.seed ?? (values.resume ? latest(directory) : `${randomInt(2 ** 32)}`);
  print(`seed ${seed}; state and failing inputs: ${join(directory, seed)}`);
  let said = 0;
  const report = (state: CampaignState) => {
    if (Date.now() - said < (process.stderr.isTTY ? 1_000 : 30_000)) return;
    said = Date.now();
    process.stderr.write(process.stderr.isTTY ? `\r${progress(state)}\x1b[K` : `${progress(state)}\n`);
  };
  const state = await runCampaign({
    seed,
    inputs: values.inputs === undefined ? undefined : Number(values.inputs),
    kinds,
    workers: Number(values.workers),
    seconds: Number(values.time),
    patience,
    bundle,
    seeds,
    state: join(directory, seed),
    temporary,
    isStopped: () => isStopped,
    report,
  });
  if (process.stderr.isTTY) process.stderr.write("\r\x1b[K");
  summarise(state);
  if (isStopped) return 130;
  return Object.values(state.findings).some(({ repeats }) => repeats) ? 1 : 0;
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

const sum = (numbers: readonly number[]) => numbers.reduce((a, b) => a + b, 0);
const done = ({ counts }: CampaignState) =>
  sum(Object.values(counts).flatMap((ofKind) => Object.values(ofKind)));

function progress(state: CampaignState): string {
  const count = done(state);
  const faults = Object.values(state.findings).filter(({ repeats }) => repeats).length;
  return `${count} of ${state.inputs} inputs, ${Math.round((60 * count) / state.seconds)} a minute, ${faults} faults`;
}

function summarise(state: CampaignState): void {
  print("\n| kind | inputs | status 0 | 1 | 2 |\n| --- | --: | --: | --: | --: |");
  for (const kind of state.kinds) {
    const counts = state.counts[kind] ?? {};
    const cells = [sum(Object.values(counts)), ...["0", "1", "2"].map((status) => counts[status] ?? 0)];
    print(`| ${kind} | ${cells.join(" | ")} |`);
  }
  print(`\nseed ${state.seed}: ${progress(state)}`);
  print(
    `slowest run ${Math.round(state.slowest)} ms (input ${state.slowestIndex}), largest process ${Math.round(state.largest / (1 << 20))} MiB`,
  );
  for (const { fault, index, path, count, repeats } of Object.values(state.findings))
    print(`${repeats ? "FAULT" : "not repeatable"}: ${fault} (${count} inputs, first ${index}; ${path})`);
}

/** Repeats a stored input, or the input SEED/INDEX. */
async function replay(what: string): Promise<number> {
  const [, seed, index] = /^([^/]+)\/(\d+)$/.exec(what) ?? [];
  const isStored = existsSync(what) && statSync(what).isFile();
  if (!isStored && (seed === undefined || index === undefined))
    trouble(`--replay ${what}: give a file, or SEED/INDEX`);
  const seeds = isStored ? mkdtempSync(join(temporary, "seeds-")) : builtSeeds();
  const worker = new WorkerProcess({ bundle, seeds, directory: temporary, patience });
  const plan = { seed: seed ?? "", index: Number(index), kinds };
  const answer = await worker.ask(isStored ? { stored: JSON.parse(readFileSync(what, "utf8")) } : { plan });
  worker.stop();
  print(`exit status ${answer.status}, ${Math.round(answer.time)} ms: ${answer.fault ?? "no fault"}`);
  return answer.fault === undefined ? 0 : 1;
}

/** The name of the campaign that was at work last. */
function latest(directory: string): string {
  const changed = (name: string) =>
    statSync(join(directory, name, STATE_FILE), { throwIfNoEntry: false })?.mtimeMs ?? 0;
  return readdirSync(directory).reduce((a, b) => (changed(a) > changed(b) ? a : b), `${randomInt(2 ** 32)}`);
}

/** Builds the seeds, unless these compilers have built them before. @returns their directory */
function builtSeeds(): string {
  if (values.seeds !== undefined) return values.seeds;
  const versions = ["gcc", "clang", "ld", "ld.lld", "objcopy", "xz", "zstd"].map((command) =>
    execFileSync(command, ["--version"]),
  );
  const parts = [
    "dist/kas-alias.mjs",
    "samples",
    "test/fuzz/seeds.ts",
    "test/commands",
    "test/kernel-tree",
    "test/livepatch",
    "test/source-lines",
  ];
  const directory = join(values.state, `seeds-${hashOf(parts, ...versions)}`);
  if (existsSync(directory)) return directory;
  print("building the seeds …");
  const made = join(values.state, `seeds-${process.pid}`);
  mkdirSync(made, { recursive: true });
  buildSeeds(made);
  renameSync(made, directory);
  return directory;
}

/** A short hash of the contents of files, all files of directories, and texts. */
function hashOf(paths: readonly string[], ...texts: readonly (string | Buffer)[]): string {
  const hash = createHash("sha256");
  for (const path of paths.map((name) => join(ROOT, name))) {
    const entries = statSync(path).isFile()
      ? [""]
      : readdirSync(path, { recursive: true, encoding: "utf8" }).sort();
    for (const file of entries.map((entry) => join(path, entry)))
      if (statSync(file).isFile()) hash.update(readFileSync(file));
  }
  for (const text of texts) hash.update(text);
  return hash.digest("hex").slice(0, 12);
}

try {
  process.exitCode = values.replay === undefined ? await campaign() : await replay(values.replay);
} catch (error) {
  trouble(error instanceof Error ? `${error.stack}` : `${error}`);
}
