// Standard input, standard output and standard error of the commands.
import { type Stats as FileStatus, fstatSync, writeSync } from "node:fs";
import { isatty } from "node:tty";
import { cannotRead, errorCode, Failure } from "../failure.ts";
import { fileIdentity, isInput, noteInput } from "../files/inputs.ts";
import { readWhole, statusOf } from "../files/read-file.ts";
import { cannotWrite, type FileOutput, namedTwice, writeAll, writeFiles } from "../files/write-files.ts";
import { cautionsOf } from "../lookup/cautions.ts";
import {
  isRunningKallsyms,
  type KernelNotes,
  RUNNING_NOTES,
  readKernelNotes,
} from "../lookup/kernel-notes.ts";
import { printable, printableLines } from "../printable.ts";
import { type Stats, statsAsJson, statsAsText } from "../report/stats.ts";
import { type Listing, readListing } from "../symbols/listing.ts";
import type { TableRow } from "../table/alias-table.ts";

/** Prints one line on standard error. */
export function say(text: string): void {
  sayText(`kas-alias: ${printable(text).replaceAll("\t", "\\x09")}\n`);
}

/** Prints on standard error. */
export function sayText(given: string): void {
  const text = printableLines(given);
  try {
    writeSync(STDERR, text);
  } catch (error) {
    // Any other error of standard error cannot be reported.
    if (errorCode(error) === "EAGAIN") process.stderr.write(text);
  }
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
  sayText(format === "json" ? statsAsJson(stats) : statsAsText(stats));
}

/** @throws Failure if standard input is a directory, or cannot be read */
export async function readStdin(): Promise<Buffer> {
  const pieces: Buffer[] = [];
  try {
    const status = fstatSync(STDIN);
    if (status.isDirectory()) {
      throw new Failure("WRONG_USAGE", "standard input", "is a directory", "redirect it from a file");
    }
    noteInput(status);
    for await (const piece of process.stdin) pieces.push(piece);
  } catch (error) {
    throw error instanceof Failure ? error : cannotRead("standard input", error);
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

/** Checks the targets of a run before its work. @throws Failure for two outputs in one file or on one stream */
export function checkTargets(targets: readonly (string | undefined)[]): void {
  const seen = new Set<string>();
  for (const target of targets) {
    if (target === undefined) continue;
    const fd = standardStream(target);
    const status = targetStatus(target);
    const identity = status?.isFile() ? fileIdentity(status) : fd?.toString();
    if (identity === undefined) continue;
    if (seen.has(identity)) throw namedTwice(targetName(target));
    seen.add(identity);
  }
}

/**
 * Writes the outputs of a run: files as writeFiles does, then standard streams ("-").
 *
 * @param mayReplaceInputs whether files that were read may be overwritten
 * @returns false when standard output was closed before everything was written
 * @throws Failure naming the target that cannot be written, or is an input or another output too
 */
export async function writeOutputs(
  outputs: readonly FileOutput[],
  mayReplaceInputs = false,
): Promise<boolean> {
  checkTargets(outputs.map(({ target }) => target));
  if (!mayReplaceInputs) for (const { target } of outputs) refuseInput(target);
  const files: FileOutput[] = [];
  const streams: [number, FileOutput][] = [];
  for (const output of outputs) {
    const fd = standardStream(output.target);
    if (fd === undefined) files.push(output);
    else streams.push([fd, output]);
  }
  await writeFiles(files);
  let open = true;
  for (const [fd, { pieces }] of streams) open = (await writeStream(fd, pieces)) && open;
  return open;
}

/** Writes texts to one target. */
export function writeTexts(texts: Iterable<string>, target = "-"): Promise<boolean> {
  return writeOutputs([{ target, pieces: Array.from(texts, (text) => Buffer.from(text)) }]);
}

/** @throws Failure for a target that this run has read, by any path */
export function refuseInput(target: string, advice = "name another file"): void {
  const status = targetStatus(target);
  if (status === undefined || !isInput(status)) return;
  throw new Failure("WRONG_USAGE", targetName(target), "is also an input", advice);
}

function targetStatus(target: string): FileStatus | undefined {
  const fd = standardStream(target);
  return statusOf(fd === undefined ? target : `/dev/fd/${fd}`);
}

const STDIN = 0;
export const STDOUT = 1;
const STDERR = 2;

/** The targets that are streams of this process; such a stream may be a file that others append to. */
const STREAMS: Readonly<Record<string, number>> = {
  "-": STDOUT,
  "/dev/stdout": STDOUT,
  "/dev/fd/1": STDOUT,
  "/proc/self/fd/1": STDOUT,
  "/dev/stderr": STDERR,
  "/dev/fd/2": STDERR,
  "/proc/self/fd/2": STDERR,
};

function standardStream(target: string): number | undefined {
  return Object.hasOwn(STREAMS, target) ? STREAMS[target] : undefined;
}

function targetName(target: string): string {
  const fd = standardStream(target);
  return fd === undefined ? target : streamName(fd);
}

function streamName(fd: number): string {
  return fd === STDOUT ? "standard output" : "standard error";
}

/** The escape sequences of this program's own colours. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: it begins every escape sequence
const COLOUR = /(\x1b\[[0-9;]*m)/;

/** Text for a terminal, whatever names are in it. */
function* forTerminal(pieces: Iterable<Uint8Array>): Generator<Uint8Array> {
  const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
  for (const piece of pieces) {
    const parts = decoder.decode(piece, { stream: true }).split(COLOUR);
    yield Buffer.from(parts.map((part) => (COLOUR.test(part) ? part : printableLines(part))).join(""));
  }
}

/** Writes to a standard stream. @returns false if it is a pipe that nobody reads any more */
export async function writeStream(fd: number, pieces: Iterable<Uint8Array>): Promise<boolean> {
  try {
    await writeAll(fd, isatty(fd) ? forTerminal(pieces) : pieces);
    return true;
  } catch (error) {
    if (errorCode(error) === "EPIPE") return false;
    throw cannotWrite(streamName(fd), error);
  }
}
