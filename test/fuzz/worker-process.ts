// A process of worker.ts, watched: one that hangs is killed, one that ends is an answer too.
import { type ChildProcess, fork } from "node:child_process";
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Answer, Question } from "./worker.ts";

const WORKER = fileURLToPath(new URL("./worker.ts", import.meta.url));
const LOADER = new URL("../../scripts/typescript.mjs", import.meta.url).href;

/** The heap of a worker, in MiB. */
const HEAP = 900;
/** How often a worker is looked at, in milliseconds. */
const PERIOD = 500;
/** A process that waits uses no time, so it may last longer by this factor. */
const WAITING = 6;
const TICKS_PER_SECOND = 100;

export interface WorkerOptions {
  readonly bundle: string;
  readonly seeds: string;
  /** A directory for temporary files. */
  readonly directory: string;
  /** The most processor time for a question, in seconds. */
  readonly patience: number;
}

/** Answers one question at a time, each from a process that is replaced if it has not survived the last one. */
export class WorkerProcess {
  readonly #options: WorkerOptions;
  #child: ChildProcess | undefined;
  #directory = "";

  constructor(options: WorkerOptions) {
    this.#options = options;
  }

  async ask(question: Question): Promise<Answer> {
    const child = this.#child ?? (await this.#start());
    const start = Date.now();
    const startTime = processorTime(child);
    let hang: string | undefined;
    const watch = setInterval(() => {
      const { patience } = this.#options;
      if (processorTime(child) - startTime > patience) hang = "a hang";
      else if (Date.now() - start > 1000 * patience * WAITING) hang = "waiting without end";
      if (hang !== undefined) child.kill("SIGKILL");
    }, PERIOD);
    try {
      child.send(question, () => {});
      const answer = await messageOf<Answer>(child);
      if (answer === undefined) return this.#dead(hang, Date.now() - start);
      if (!answer.isGood) this.stop();
      return answer;
    } finally {
      clearInterval(watch);
    }
  }

  /** Ends the process and removes its files. */
  stop(): void {
    this.#child?.kill("SIGKILL");
    this.#child = undefined;
    if (this.#directory !== "") rmSync(this.#directory, { recursive: true, force: true });
  }

  async #start(): Promise<ChildProcess> {
    const { bundle, seeds, directory } = this.#options;
    this.#directory = mkdtempSync(join(directory, "worker-"));
    const streams = ["stdin", "stdout", "stderr"].map((name) => openSync(join(this.#directory, name), "a+"));
    const child = fork(WORKER, [bundle, seeds, this.#directory], {
      execArgv: ["--expose-gc", `--max-old-space-size=${HEAP}`, "--import", LOADER],
      stdio: [...streams, "ipc"],
      serialization: "advanced",
    });
    for (const stream of streams) closeSync(stream);
    this.#child = child;
    if ((await messageOf(child)) === undefined)
      throw new Error(readFileSync(join(this.#directory, "stderr"), "latin1"));
    return child;
  }

  #dead(hang: string | undefined, time: number): Answer {
    const message = readFileSync(join(this.#directory, "stderr"), "latin1");
    const [line = ""] =
      /^(FATAL ERROR|the campaign itself): .*(\n +at .*)?/m.exec(message) ?? message.split("\n").slice(-2);
    this.stop();
    return {
      kind: "",
      status: -1,
      time,
      memory: 0,
      isGood: false,
      fault: hang ?? `the process ended: ${line}`,
    };
  }
}

/** The next message of a process; undefined if it ends before. */
function messageOf<T>(child: ChildProcess): Promise<T | undefined> {
  return new Promise((resolve) => {
    const end = () => resolve(undefined);
    child.once("exit", end);
    child.once("message", (message: T) => {
      child.removeListener("exit", end);
      resolve(message);
    });
  });
}

/** The processor time that a process has used, in seconds (proc(5), /proc/pid/stat). */
function processorTime({ pid }: ChildProcess): number {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, "latin1").replace(/.*\) /s, "").split(" ");
    return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
  } catch {
    return 0;
  }
}
