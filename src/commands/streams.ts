// Standard input, standard output and standard error of the commands.
import { cannotRead, errorCode, Failure } from "../failure.ts";
import { readWhole } from "../files/read-file.ts";
import { cannotWrite, type FileOutput, gathered, writeFiles } from "../files/write-files.ts";
import { cautionsOf } from "../lookup/cautions.ts";
import {
  isRunningKallsyms,
  type KernelNotes,
  RUNNING_NOTES,
  readKernelNotes,
} from "../lookup/kernel-notes.ts";
import { type Stats, statsAsJson, statsAsText } from "../report/stats.ts";
import { type Listing, readListing } from "../symbols/listing.ts";
import type { TableRow } from "../table/alias-table.ts";

/** Prints one line on standard error. */
export function say(text: string): void {
  process.stderr.write(`kas-alias: ${text}\n`);
}

/** Prints what is unknown because files are missing. */
export function sayMissing(missing: readonly string[], { quiet }: { quiet?: true }): void {
  if (!quiet) for (const line of missing) say(line);
}

/** Prints the cautions for symbols that are about to be probed or patched. */
export function sayCautions(table: string, rows: readonly TableRow[]): void {
  for (const row of rows) {
    for (const caution of cautionsOf(row)) say(`${table}: ${row.alias ?? row.name} ${caution}`);
  }
}

/** Prints the statistics of a run on standard error, in the format of --stats. */
export function sayStats(stats: Stats, format: true | "text" | "json"): void {
  process.stderr.write(format === "json" ? statsAsJson(stats) : statsAsText(stats));
}

export async function readStdin(): Promise<Buffer> {
  const pieces: Buffer[] = [];
  try {
    for await (const piece of process.stdin) pieces.push(piece);
  } catch (error) {
    throw cannotRead("standard input", error);
  }
  return Buffer.concat(pieces);
}

/** Reads a listing's text from a file, or from standard input for "-". */
export async function readListingFile(path: string): Promise<Listing> {
  if (path === "-") return readListing(await readStdin(), "standard input");
  return readListing(readWhole(path), path);
}

/**
 * The notes of the kernel that a listing is of; undefined if its build ID is unknown: a saved listing may be of any kernel, and some
 * containers hide the running kernel's notes.
 *
 * @param listing path of the listing, or "-"
 * @param given path of the notes; those of the running kernel unless given
 */
export async function notesOf(
  listing: string,
  given?: string,
  quiet?: true,
): Promise<KernelNotes | undefined> {
  if (given !== undefined) return readKernelNotes(given);
  if (!isRunningKallsyms(listing === "-" ? "/dev/stdin" : listing)) return undefined;
  try {
    return await readKernelNotes(RUNNING_NOTES);
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    if (!quiet) say(`${RUNNING_NOTES}: ${error.problem}; the build ID of the running kernel is not checked`);
    return undefined;
  }
}

/** The shell's status of a process that SIGPIPE ended: 128 + 13. */
export const CLOSED_STDOUT_STATUS = 141;

/**
 * Writes the outputs of a run: files as writeFiles does, then standard output ("-").
 *
 * @returns false when standard output was closed before everything was written
 * @throws Failure naming the target that cannot be written
 */
export async function writeOutputs(outputs: readonly FileOutput[]): Promise<boolean> {
  writeFiles(outputs.filter(({ target }) => !isStdout(target)));
  let open = true;
  for (const { target, pieces } of outputs) if (isStdout(target)) open = await writeStdout(pieces);
  return open;
}

/** Writes texts to one target. */
export function writeTexts(texts: Iterable<string>, target = "-"): Promise<boolean> {
  return writeOutputs([{ target, pieces: Array.from(texts, (text) => Buffer.from(text)) }]);
}

/** Whether a target is standard output, which may be a file that others append to. */
function isStdout(target: string): boolean {
  return ["-", "/dev/stdout", "/dev/fd/1"].includes(target);
}

function writeStdout(pieces: Iterable<Uint8Array>): Promise<boolean> {
  const { stdout } = process;
  return new Promise((resolve, reject) => {
    stdout.on("error", (error) => {
      if (errorCode(error) === "EPIPE") resolve(false);
      else reject(cannotWrite("standard output", error));
    });
    const chunks = gathered(pieces);
    const writeNext = () => {
      const chunk = chunks.next();
      if (chunk.done) resolve(true);
      else stdout.write(chunk.value, (error) => (error ? undefined : writeNext()));
    };
    writeNext();
  });
}
