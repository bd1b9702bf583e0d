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
}

/** GNU addr2line takes some ten seconds to read a large kernel before its first answer. */
const DEFAULT_PATIENCE = 120_000;

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

/** Runs the tool on the queries [start, end); returns its output line by line. */
function askTool(
  options: Addr2lineOptions,
  queries: Queries,
  start: number,
  end: number,
  signal: AbortSignal,
): Promise<string[]> {
  const { tool, elf, section } = options;
  const patience = options.patience ?? DEFAULT_PATIENCE;
  return new Promise((resolve, reject) => {
    const child = spawn(tool, ["-e", elf, ...(section === undefined ? [] : ["-j", section])], {
      stdio: ["pipe", "pipe", "pipe"],
      signal,
      killSignal: "SIGKILL",
    });
    const output: Buffer[] = [];
    let complaint = "";
    let silence: NodeJS.Timeout | undefined;
    const expectOutput = () => {
      clearTimeout(silence);
      silence = setTimeout(() => {
        child.kill("SIGKILL");
        reject(new Failure("TOOL_FAILED", tool, `no answer for ${patience / 1000} s`, USE_DWARF));
      }, patience);
    };
    expectOutput();
    child.on("error", (error) => {
      clearTimeout(silence);
      const missing = errorCode(error) === "ENOENT";
      reject(
        missing
          ? new Failure(
              "TOOL_FAILED",
              tool,
              "no such program",
              `install it, name another with --addr2line, or ${USE_DWARF}`,
            )
          : new Failure("TOOL_FAILED", tool, `cannot be run: ${systemMessage(error)}`, USE_DWARF),
      );
    });
    child.stdout.on("data", (data: Buffer) => {
      output.push(data);
      expectOutput();
    });
    child.stderr.on("data", (data: Buffer) => {
      if (complaint.length < 1000) complaint += data.toString();
    });
    child.on("close", (status, killer) => {
      clearTimeout(silence);
      const reason = complaint.trim().split("\n", 1)[0];
      if (status !== 0) {
        const end = killer === null ? `exit status ${status}` : `killed by ${killer}`;
        const advice = section === undefined ? USE_DWARF : USE_SECTIONS;
        reject(
          new Failure("TOOL_FAILED", tool, `failed on ${elf} (${end})${reason ? `: ${reason}` : ""}`, advice),
        );
        return;
      }
      const lines = Buffer.concat(output).toString("utf8").split(/\r?\n/);
      if (lines.at(-1) === "") lines.pop();
      if (lines.length === end - start) resolve(lines);
      else {
        const count = `gave ${lines.length} answers for ${end - start} addresses`;
        reject(new Failure("TOOL_FAILED", tool, `${count}${reason ? `: ${reason}` : ""}`, USE_DWARF));
      }
    });
    // A tool that ends without reading closes the pipe; its exit status gives the reason.
    child.stdin.on("error", () => {});
    let text = "";
    for (let query = start; query < end; query++) {
      text += `0x${formatAt(queries, query)}\n`;
    }
    child.stdin.end(text);
  });
}

/** `path:line`, with elfutils' `:column` and GNU's and LLVM's ` (discriminator n)`; `?` for an unknown line. */
const ANSWER = /^(.*?):(\d+|\?)(?::\d+)?(?: \(discriminator \d+\))?$/;

function readAnswers(tool: string, count: number, lines: readonly string[]): Locations<Unit> {
  const locations = unknownLocations(count);
  const fileIndex = new Map<string, number>();
  lines.forEach((text, query) => {
    const answer = ANSWER.exec(text);
    if (answer === null) {
      throw new Failure("TOOL_FAILED", tool, `"${text.slice(0, 80)}" is not addr2line output`, USE_DWARF);
    }
    const [, path = "", number] = answer;
    const line = Number(number);
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
