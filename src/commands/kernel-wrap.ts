import { createHash } from "node:crypto";
import { chmodSync, existsSync, statSync } from "node:fs";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import type { Command } from "commander";
import { Failure, systemMessage } from "../failure.ts";
import { hasContent } from "../files/file-content.ts";
import { readWhole } from "../files/read-file.ts";
import { deleteFile } from "../files/write-files.ts";
import { nmWrapper, wrapperStamp } from "../kernel-tree/nm-wrapper.ts";
import { writeOutputs, writeTexts } from "./streams.ts";

/** The options of `kas-alias kernel wrap`. */
export interface WrapOptions {
  output: string;
  build?: string;
  nm?: string;
}

/** The options that are not passed on to `kas-alias vmlinux`; all others are. */
const OWN_OPTIONS = ["output", "build", "nm"];
/** The options whose value is a path; the build runs in another directory. */
const PATHS = ["symbolFrequency", "sourceRoot"];

/** `kas-alias kernel wrap`: writes an nm wrapper, and has `make` link vmlinux again if it gives other aliases. */
export async function wrap(command: Command, { output, build, nm }: WrapOptions): Promise<boolean> {
  const program = fileURLToPath(import.meta.url);
  const options = {
    node: process.execPath,
    program,
    programHash: createHash("sha256").update(thisProgram()).digest("hex"),
    nm,
    arguments: givenArguments(command),
  };
  const text = nmWrapper(options);
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
  if (build !== undefined) await linkAgain(build, wrapperStamp(options));
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

/** What aliases a kernel was linked with; `make clean` removes it. */
const STAMP = ".tmp_vmlinux.stamp";
/** The commands of the link, by which `make` knows that it has been done (scripts/Kbuild.include, if_changed). */
const LINKS = [".vmlinux.cmd", ".vmlinux.unstripped.cmd"];

/** Has `make` link vmlinux again, unless the last link was with the same aliases. */
async function linkAgain(build: string, stamp: string): Promise<void> {
  if (!existsSync(join(build, ".config"))) {
    throw new Failure(
      "WRONG_KIND",
      build,
      "is not the build directory of a kernel: it has no .config",
      "configure the kernel first",
    );
  }
  const target = join(build, STAMP);
  const content = Buffer.from(`${stamp}\n`);
  if (hasContent(target, [content], "differs")) return;
  for (const name of LINKS) deleteFile(join(build, name));
  await writeOutputs([{ target, pieces: [content] }]);
}

/** The program's own file. */
export function thisProgram(): Buffer {
  return readWhole(fileURLToPath(import.meta.url));
}
