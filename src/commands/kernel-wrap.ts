import { createHash } from "node:crypto";
import { chmodSync, existsSync, readdirSync, statSync } from "node:fs";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import type { Command } from "commander";
import { Failure, systemMessage } from "../failure.ts";
import { hasContent } from "../files/file-content.ts";
import { readWhole } from "../files/read-file.ts";
import { deleteFile } from "../files/write-files.ts";
import { nmWrapper } from "../kernel-tree/nm-wrapper.ts";
import { writeOutputs, writeTexts } from "./streams.ts";

/** The options of `kas-alias kernel wrap`. */
export interface WrapOptions {
  output: string;
  build?: string;
  nm?: string;
  symbolFrequency?: string;
}

/** The options that are not passed on to `kas-alias vmlinux`; all others are. */
const OWN_OPTIONS = ["output", "build", "nm"];
/** The options whose value is a path; the build runs in another directory. */
const PATHS = ["symbolFrequency", "sourceRoot"];

/** `kas-alias kernel wrap`: writes an nm wrapper, and has `make` link vmlinux again if it gives other aliases. */
export async function wrap(
  command: Command,
  { output, build, nm, symbolFrequency }: WrapOptions,
): Promise<boolean> {
  const program = fileURLToPath(import.meta.url);
  const options = {
    node: process.execPath,
    program,
    programHash: sha256(thisProgram()),
    nm,
    arguments: givenArguments(command),
    frequencyHash:
      symbolFrequency !== undefined && existsSync(symbolFrequency)
        ? sha256(readWhole(symbolFrequency))
        : undefined,
  };
  const text = nmWrapper(options);
  if (build !== undefined) linkAgain(build, text);
  if (output === "-") return writeTexts([text]);
  const content = Buffer.from(text);
  if (!hasContent(output, [content], "differs")) await writeOutputs([{ target: output, pieces: [content] }]);
  try {
    if (statSync(output).isFile()) chmodSync(output, 0o755);
  } catch (error) {
    throw new Failure(
      "CANNOT_WRITE",
      output,
      `cannot be made executable: ${systemMessage(error)}`,
      "name a file of yours",
    );
  }
  return true;
}

/** The options given on the command line, as arguments of `kas-alias vmlinux`. */
function givenArguments(command: Command): string[] {
  return command.options.flatMap((option) => {
    const name = option.attributeName();
    if (OWN_OPTIONS.includes(name) || command.getOptionValueSource(name) !== "cli") return [];
    const value: unknown = command.getOptionValue(name);
    const flag = option.long ?? "";
    if (typeof value === "boolean") return [flag];
    const values = Array.isArray(value) ? value : [value];
    return values.flatMap((each) => [flag, PATHS.includes(name) ? resolve(String(each)) : String(each)]);
  });
}

/** What the wrapper of the last link has written there; `make clean` removes it. */
const STAMP = ".tmp_vmlinux.stamp";
/** The temporary images of a link, before Linux 6.10 and since. */
const IMAGE = /^\.tmp_vmlinux(\.kallsyms)?\d+$/;
/** The commands of the link, by which `make` knows that it has been done (scripts/Kbuild.include, if_changed). */
const LINKS = [".vmlinux.cmd", ".vmlinux.unstripped.cmd"];

/** Has `make` link vmlinux again, unless this wrapper, or one that gives the same aliases, was in the last link. */
function linkAgain(build: string, wrapper: string): void {
  if (!existsSync(join(build, ".config"))) {
    throw new Failure(
      "WRONG_KIND",
      build,
      "is not the build directory of a kernel: it has no .config",
      "configure the kernel first",
    );
  }
  if (!isOfLastLink(build, wrapper)) for (const name of LINKS) deleteFile(join(build, name));
}

function isOfLastLink(build: string, wrapper: string): boolean {
  const stamp = join(build, STAMP);
  if (!existsSync(stamp) || !wrapper.includes(`\nstamp=${readWhole(stamp)}`)) return false;
  const written = (name: string) => statSync(join(build, name)).mtimeMs;
  // The images of a link without the wrapper are newer.
  return readdirSync(build).every((name) => !IMAGE.test(name) || written(name) <= written(STAMP));
}

function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

/** The program's own file. */
export function thisProgram(): Buffer {
  return readWhole(fileURLToPath(import.meta.url));
}
