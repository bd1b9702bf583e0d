import { spawn } from "node:child_process";
import pLimit from "p-limit";
import type { Unit } from "../dwarf/unit.ts";
import { formatAt } from "../elf/address.ts";
import { errorCode, Failure, systemMessage } from "../failure.ts";
import { undoneBySignals } from "../files/undo-on-signal.ts";
import { type Locations, type Queries, type Resolver, unknownLocations, VIA_LINE } from "./resolver.ts";

export interface Addr2lineOptions {
  /** The tool: GNU, LLVM or elfutils addr2line, or a cross one, by name or path. */
  readonly tool: string;
  /** The file with the debug information. */
  readonly elf: string;
  /** The section that the addresses are offsets in, for a relocatable file. */
  readonly section?: string;
  /** The maximum number of concurrent processes. */
  readonly jobs: number;
  /** Terminates the running processes. */
  readonly signal?: AbortSignal | undefined;
  /** Milliseconds without output after which a process is considered hung. */
  readonly patience?: number;
  /** Called when a process has printed nothing for some seconds. */
  readonly onSilence?: ((tool: string, seconds: number) => void) | undefined;
}

/** GNU addr2line takes some ten seconds to read a large kernel before its first answer. */
const DEFAULT_PATIENCE = 120_000;

/** Milliseconds without output after which to say so. */
const SILENCE = 10_000;

/** Each process reads the debug information again, so a small number of addresses is not split among many. */
const SMALLEST_BATCH = 256;
/** Longer batches would keep one process busy after the others have ended. */
const LARGEST_BATCH = 16384;

const USE_DWARF = "use --resolver dwarf";
/** LLVM's has no option for the section of an address. */
const USE_SECTIONS = `use GNU or elfutils addr2line, which has -j, or ${USE_DWARF}`;

/**
 * The resolver that runs an external addr2line. It writes addresses to the tool's standard input in batches; the answers are
 * `path:line`, without the column or discriminator that some tools add.
 *
 * @throws Failure, on resolving, for a tool that is missing, fails, hangs, or prints something else than answers
 */
export function addr2lineResolver(options: Addr2lineOptions): Resolver {
  return {
    async resolve(queries) {
      const share = Math.ceil(queries.count / options.jobs);
      const batch = Math.min(Math.max(share, SMALLEST_BATCH), LARGEST_BATCH);
      const starts: number[] = [];
      for (let start = 0; start < queries.count; start += batch) starts.push(start);

      const stop = new AbortController();
      const signal = options.signal ? AbortSignal.any([options.signal, stop.signal]) : stop.signal;
      const limit = pLimit(options.jobs);
      const stopAll = () => {
        limit.clearQueue();
        stop.abort();
      };
      const answers = await undoneBySignals(stopAll, () =>
        Promise.all(
          starts.map((start) =>
            limit(() => askTool(options, queries, start, Math.min(start + batch, queries.count), signal)),
          ),
        ).catch((error: unknown) => {
          stopAll();
          throw error;
        }),
      );
      return readAnswers(options.tool, queries.count, answers.flat());
    },
  };
}

/** Runs the tool on the queries [start, last); returns its output line by line. */
function askTool(
  options: Addr2lineOptions,
  queries: Queries,
  start: number,
  last: number,
  signal: AbortSignal,
): Promise<string[]> {
  const { tool, elf, section, patience = DEFAULT_PATIENCE } = options;
  return new Promise((resolve, reject) => {
    const child = startTool(options, signal);
    const count = last - start;
    const output = new ToolOutput(count);
    let complaint = "";
    const stop = () => {
      clearTimeout(silence);
      clearTimeout(hint);
      child.stdout.destroy();
      child.stderr.destroy();
    };
    const fail = (problem: string, advice = USE_DWARF) => {
      stop();
      child.kill("SIGKILL");
      reject(new Failure("TOOL_FAILED", tool, problem, advice));
    };
    const silence = setTimeout(() => fail(`no answer for ${patience / 1000} s`), patience);
    const hint = setTimeout(() => options.onSilence?.(tool, SILENCE / 1000), SILENCE);
    child.on("error", (error) => {
      if (errorCode(error) === "ENOENT") {
        fail("no such program", `install it, name another with --addr2line, or ${USE_DWARF}`);
      } else fail(`cannot be run: ${systemMessage(error)}`);
    });
    child.stdout.on("data", (data: Buffer) => {
      silence.refresh();
      hint.refresh();
      const fault = output.add(data);
      if (fault !== undefined) fail(fault);
      else endIfComplete();
    });
    child.stderr.on("data", (data: Buffer) => {
      if (complaint.length < 1000) complaint += data.toString();
    });
    const end = (status: number | null, killer: NodeJS.Signals | null) => {
      const reason = complaint.trim().split("\n", 1)[0];
      const because = reason ? `: ${reason}` : "";
      const lines = output.lines();
      if (status !== 0) {
        const how = killer === null ? `exit status ${status}` : `killed by ${killer}`;
        fail(`failed on ${elf} (${how})${because}`, section === undefined ? USE_DWARF : USE_SECTIONS);
      } else if (lines.length !== count) {
        fail(`gave ${lines.length} answers for ${count} addresses${because}`);
      } else {
        stop();
        resolve(lines);
      }
    };
    // A program that the tool has started may keep its output open, so it is not always closed when the tool ends.
    const endIfComplete = () => {
      if (child.exitCode === 0 && output.isComplete()) end(child.exitCode, null);
    };
    child.on("exit", endIfComplete);
    child.on("close", end);
    // A tool that ends without reading closes the pipe; its exit status gives the reason.
    child.stdin.on("error", () => {});
    let text = "";
    for (let query = start; query < last; query++) {
      text += `0x${formatAt(queries, query)}\n`;
    }
    child.stdin.end(text);
  });
}

/** @throws Failure for a name that cannot be that of a program */
function startTool({ tool, elf, section }: Addr2lineOptions, signal: AbortSignal) {
  try {
    return spawn(tool, ["-e", elf, ...(section === undefined ? [] : ["-j", section])], {
      stdio: ["pipe", "pipe", "pipe"],
      signal,
      killSignal: "SIGKILL",
    });
  } catch (error) {
    throw new Failure("TOOL_FAILED", `"${tool}"`, `cannot be run: ${systemMessage(error)}`, USE_DWARF);
  }
}

/** In bytes: PATH_MAX of Linux, twice. */
const LONGEST_ANSWER = 8192;

/** What a tool has printed, as far as it can be answers. */
class ToolOutput {
  readonly #expected: number;
  readonly #pieces: Buffer[] = [];
  #lines = 0;
  /** Bytes since the last line feed. */
  #rest = 0;

  /** @param expected number of lines */
  constructor(expected: number) {
    this.#expected = expected;
  }

  /** @returns what is wrong once more is useless: without it, a tool that never stops would fill the memory */
  add(data: Buffer): string | undefined {
    this.#pieces.push(data);
    for (let start = 0; start < data.length; ) {
      const end = data.indexOf(LINE_FEED, start);
      this.#rest += (end === -1 ? data.length : end) - start;
      if (this.#rest > LONGEST_ANSWER) return `gave an answer of more than ${LONGEST_ANSWER} bytes`;
      if (end === -1) break;
      if (++this.#lines > this.#expected) return `gave more answers than the ${this.#expected} addresses`;
      this.#rest = 0;
      start = end + 1;
    }
    return undefined;
  }

  isComplete(): boolean {
    return this.#lines === this.#expected && this.#rest === 0;
  }

  lines(): string[] {
    const lines = Buffer.concat(this.#pieces).toString("utf8").split(/\r?\n/);
    if (lines.at(-1) === "") lines.pop();
    return lines;
  }
}

const LINE_FEED = 0x0a;

/** `path:line`, with elfutils' `:column` and GNU's and LLVM's ` (discriminator n)`; `?` for an unknown line. */
const ANSWER = /^(.*?):(\d+|\?)(?::\d+)?(?: \(discriminator \d+\))?$/;

/** The largest line that a resolver returns. */
const LARGEST_LINE = 0xffffffff;

function readAnswers(tool: string, count: number, lines: readonly string[]): Locations<Unit> {
  const locations = unknownLocations(count);
  const fileIndex = new Map<string, number>();
  lines.forEach((text, query) => {
    const answer = ANSWER.exec(text);
    const [, path = "", number] = answer ?? [];
    const line = Number(number);
    if (answer === null || line > LARGEST_LINE) {
      throw new Failure("TOOL_FAILED", tool, `"${text.slice(0, 80)}" is not addr2line output`, USE_DWARF);
    }
    if (path === "??" || !(line > 0)) return;
    let file = fileIndex.get(path);
    if (file === undefined) {
      file = locations.files.push(path) - 1;
      fileIndex.set(path, file);
    }
    locations.file[query] = file;
    locations.line[query] = line;
    locations.via[query] = VIA_LINE;
  });
  return locations;
}
