// A process that makes inputs, runs the program on them and checks what it has done: node worker.ts BUNDLE SEEDS DIRECTORY.
// Its standard streams are files in DIRECTORY. It sends "ready", then answers each question of the campaign.
import {
  closeSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { type InputPlan, makeInput, readSeeds } from "./inputs.ts";
import { faultOf, OLD } from "./invariants.ts";
import { loadProgram } from "./program.ts";
import { inputOf, type StoredInput } from "./stored-input.ts";

export type Question = { readonly plan: InputPlan } | { readonly stored: StoredInput };

export interface Answer {
  readonly kind: string;
  /** The exit status of the program. */
  readonly status: number;
  readonly fault?: string;
  /** The processor time of the program, in milliseconds. */
  readonly time: number;
  /** The largest resident set since the question, in bytes. */
  readonly memory: number;
  /** Whether this process can be asked again. */
  readonly isGood: boolean;
}

const [bundle = "", seedDirectory = "", directory = ""] = process.argv.slice(2);
const seeds = readSeeds(seedDirectory);
const work = join(directory, "work");
const TMPDIR = join(directory, "tmp");
for (const path of [work, TMPDIR]) mkdirSync(path);
process.chdir(work);
Object.assign(process.env, { TMPDIR, KAS_ALIAS_DEBUG: "1" });
symlinkSync(seedDirectory, "seeds");
const program = loadProgram(bundle);

/** The most memory that a run may take, in bytes. */
const MOST_MEMORY = 1 << 30;
/** The memory of this process between two questions, in bytes, from which on it is replaced. */
const MOST_KEPT = 1 << 28;
/** Questions between two collections of garbage. */
const PERIOD = 100;

let questions = 0;

async function answer(question: Question): Promise<Answer> {
  const input = "plan" in question ? makeInput(seeds, question.plan) : inputOf(question.stored);
  prepare(input.files);
  if (++questions % PERIOD === 0) globalThis.gc?.();
  resetPeak();
  const start = process.cpuUsage();
  const ended = await program(input.args);
  const { user, system } = process.cpuUsage(start);
  const time = (user + system) / 1000;
  const memory = peak();
  const again = (...args: string[]) => program(args);
  let fault = await faultOf({ input, ended, again });
  if (memory > MOST_MEMORY) fault ??= "more than 1 GiB of memory";
  closeFiles();
  const kept = process.memoryUsage().rss;
  if (kept > MOST_KEPT && keptObjects() > MOST_KEPT / 2) fault ??= "memory is kept after a run";
  const isGood = !ended.isBusy && kept < MOST_KEPT;
  return {
    kind: input.kind,
    status: ended.status,
    time,
    memory,
    isGood,
    ...(fault === undefined ? {} : { fault }),
  };
}

/** Makes the working directory that of one input. */
function prepare(files: Readonly<Record<string, Buffer>>): void {
  for (const name of readdirSync(".")) if (name !== "seeds") rmSync(name, { recursive: true });
  for (const name of readdirSync(TMPDIR)) rmSync(join(TMPDIR, name), { recursive: true });
  writeFileSync("/dev/fd/0", files.stdin ?? "");
  for (const name of ["out", "table"]) writeFileSync(name, OLD);
  for (const [path, bytes] of Object.entries(files)) {
    if (path === "stdin") continue;
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, bytes);
  }
}

/** Begins a new measurement of the largest resident set (proc(5), clear_refs). */
function resetPeak(): void {
  writeFileSync("/proc/self/clear_refs", "5");
}

/** In bytes. */
function peak(): number {
  return 1024 * Number(/^VmHWM:\s+(\d+)/m.exec(readFileSync("/proc/self/status", "latin1"))?.[1]);
}

/** The size of all objects in use, in bytes. */
function keptObjects(): number {
  globalThis.gc?.();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

/** Closes the files that the program has left open, as its end would. */
function closeFiles(): void {
  for (const fd of readdirSync("/proc/self/fd")) {
    if (Number(fd) > 2 && isOfProgram(fd)) closeSync(Number(fd));
  }
}

function isOfProgram(fd: string): boolean {
  try {
    const path = readlinkSync(`/proc/self/fd/${fd}`);
    return [work, TMPDIR, seedDirectory].some((place) => path.startsWith(`${place}/`));
  } catch {
    // That of the directory itself.
    return false;
  }
}

process.on("message", async (question: Question) => {
  try {
    const answered = await answer(question);
    process.send?.(answered);
  } catch (error) {
    writeFileSync("/dev/fd/2", `the campaign itself: ${error instanceof Error ? error.stack : error}\n`, {
      flag: "a",
    });
    process.kill(process.pid, "SIGKILL");
  }
});

process.send?.("ready");
