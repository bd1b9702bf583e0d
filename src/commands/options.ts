import { availableParallelism } from "node:os";
import { type Command, InvalidArgumentError, Option } from "commander";
import { KSYM_NAME_LEN, separatorFault } from "../alias/naming.ts";
import type { VmlinuxOptions } from "../alias/options.ts";
import type { LocatorOptions } from "../source-lines/open-locator.ts";
import { KALLSYMS_NAMES } from "../symbols/kallsyms-names.ts";
import type { KallsymsNames } from "../symbols/name-anatomy.ts";

/**
 * Runs a command's work; the work tells whether standard output stayed open, or the exit status.
 *
 * @param failureStatus the exit status when the input or the environment is at fault; 1 unless given
 */
export type Runner = (
  work: (signal: AbortSignal) => Promise<boolean | number>,
  failureStatus?: number,
) => Promise<void>;

/** The options of every command that looks up source lines. */
export type ResolverOptions = Omit<LocatorOptions, "signal">;

export function addResolverOptions(command: Command): Command {
  return command
    .addOption(
      new Option("--resolver <name>", "what looks up source lines: the built-in reader or an external tool")
        .choices(["dwarf", "addr2line"])
        .default("dwarf"),
    )
    .option(
      "--addr2line <tool>",
      "the tool of --resolver addr2line: GNU, elfutils, for vmlinux LLVM, or a cross one",
      "addr2line",
    )
    .option("--jobs <n>", "addr2line processes at a time", positiveInteger, availableParallelism());
}

/** The options of every command that gives aliases. */
export interface AliasingOptions extends ResolverOptions {
  table?: string;
  tableScope: "aliases" | "all";
  kernelRelease?: string;
  sourceRoot: string[];
  separator: string;
  disambiguate: boolean;
  maxNameLength: number;
  kallsymsNames?: KallsymsNames;
  exclude: string[];
  include: string[];
  defaultFilters: boolean;
  data?: true | "all";
  location: "entry" | "decl";
  stats?: true | "text" | "json";
  quiet?: true;
}

export function addAliasingOptions(command: Command): Command {
  command
    .option("--table <file>", "the alias table, as JSON Lines")
    .addOption(
      new Option("--table-scope <scope>", "the symbols in the table")
        .choices(["aliases", "all"])
        .default("aliases"),
    );
  return addResolverOptions(command)
    .addOption(repeatable("--source-root <directory>", "where the source tree was"))
    .option("--separator <character>", "between an alias's parts", separator, "@")
    .option("--no-disambiguate", "leave units and ordinals out")
    .option("--max-name-length <n>", "KSYM_NAME_LEN of the kernel", positiveInteger, KSYM_NAME_LEN)
    .addOption(
      new Option(
        "--kallsyms-names <rule>",
        "what the kernel's look-ups compare: whole names, names up to .llvm., or up to the first dot (default: as the kernel says)",
      ).choices(KALLSYMS_NAMES),
    )
    .addOption(repeatable("--exclude <glob>", "leave names out"))
    .addOption(repeatable("--include <glob>", "keep names whatever the filters say"))
    .option("--no-default-filters", "keep the names that are left out by default")
    .addOption(
      new Option(
        "--data [scope]",
        "data symbols too; all: also those that the default filters leave out",
      ).choices(["all"]),
    )
    .addOption(
      new Option("--location <kind>", "of a function: the line of its first address, or of its declaration")
        .choices(["entry", "decl"])
        .default("entry"),
    )
    .option("--signatures", "compare parameters with the source's, in the table")
    .option("--kernel-release <release>", "as `uname -r`, for the table (default: as the files say)")
    .addOption(new Option("--stats [format]", "figures on standard error").choices(["text", "json"]))
    .option("--quiet", "no warnings and no progress");
}

/** What the options mean to the library. */
export function vmlinuxOptions(options: AliasingOptions, signal: AbortSignal): VmlinuxOptions {
  return {
    resolver: options.resolver,
    addr2line: options.addr2line,
    jobs: options.jobs,
    signal,
    separator: options.separator,
    disambiguate: options.disambiguate,
    maxNameLength: options.maxNameLength,
    kallsymsNames: options.kallsymsNames,
    data: options.data !== undefined,
    filters: {
      defaults: options.data === "all" && options.defaultFilters ? "text" : options.defaultFilters,
      exclude: options.exclude,
      include: options.include,
    },
    sourceRoots: options.sourceRoot,
    location: options.location,
    signatures: options.table !== undefined && options.signatures === true,
    locateAll: options.table !== undefined && options.tableScope === "all",
    kernelRelease: options.kernelRelease,
  };
}

/** An option that may be given several times. */
export function repeatable(flags: string, description: string): Option {
  return new Option(flags, `${description}; repeatable`)
    .argParser((value: string, earlier: string[]) => [...earlier, value])
    .default([], "none");
}

/** Reads an option's value. */
export function regularExpression(value: string): RegExp {
  try {
    return new RegExp(value, "u");
  } catch (error) {
    throw new InvalidArgumentError(error instanceof Error ? `${error.message}.` : String(error));
  }
}

function positiveInteger(value: string): number {
  if (/^[1-9][0-9]{0,8}$/.test(value)) return Number(value);
  throw new InvalidArgumentError("Give a whole number from 1.");
}

function separator(value: string): string {
  const fault = separatorFault(value);
  if (fault !== undefined) throw new InvalidArgumentError(fault);
  return value;
}
