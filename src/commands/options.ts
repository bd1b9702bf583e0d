import { availableParallelism } from "node:os";
import { type Command, InvalidArgumentError, Option } from "commander";
import { separatorFault } from "../alias/naming.ts";
import type { VmlinuxOptions } from "../alias/options.ts";
import type { LocatorOptions } from "../source-lines/open-locator.ts";
import { KALLSYMS_NAMES } from "../symbols/kallsyms-names.ts";
import type { KallsymsNames } from "../symbols/name-anatomy.ts";
import { say } from "./streams.ts";

/** The options of every command that looks up source lines. */
export type ResolverOptions = Omit<LocatorOptions, "signal" | "onSilence"> & { quiet?: true };

/** Reports on a terminal that an addr2line is slow. */
export function silenceReporter({ quiet }: ResolverOptions): LocatorOptions["onSilence"] {
  if (!process.stderr.isTTY || quiet) return undefined;
  return (tool, seconds) =>
    say(`${tool}: no answer for ${seconds} s; it may still read the debug information`);
}

export function addResolverOptions(command: Command): Command {
  return command
    .addOption(
      new Option("--resolver <name>", "read DWARF directly, or run addr2line")
        .choices(["dwarf", "addr2line"])
        .default("dwarf"),
    )
    .option("--addr2line <tool>", "addr2line command", commandName, "addr2line")
    .option("--jobs <n>", "parallel addr2line processes", positiveInteger, availableParallelism());
}

/** The options of every command that creates aliases. */
export interface AliasingOptions extends ResolverOptions {
  table?: string;
  tableScope: "aliases" | "all";
  kernelRelease?: string;
  sourceRoot: string[];
  separator: string;
  disambiguate: boolean;
  maxNameLength?: number;
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
    .option("--table <file>", "write the alias table (JSON Lines)", outputPath)
    .addOption(
      new Option("--table-scope <scope>", "symbols in the table")
        .choices(["aliases", "all"])
        .default("aliases"),
    );
  return addNamingOptions(command)
    .option("--signatures", "record which parameters arrive, in the table")
    .option("--kernel-release <release>", "as `uname -r` prints it (default: from the files)")
    .addOption(new Option("--stats [format]", "print statistics").choices(["text", "json"]))
    .option("--quiet", "suppress warnings and progress");
}

/** The options that decide which aliases there are. */
export function addNamingOptions(command: Command): Command {
  return addResolverOptions(command)
    .addOption(repeatable("--source-root <dir>", "source tree root"))
    .option("--separator <character>", "separator in aliases", separator, "@")
    .option("--no-disambiguate", "omit units and ordinals")
    .option("--max-name-length <n>", "KSYM_NAME_LEN (default: 512, before 6.1 128)", positiveInteger)
    .addOption(
      new Option("--kallsyms-names <rule>", "how the kernel compares names (default: detected)").choices(
        KALLSYMS_NAMES,
      ),
    )
    .addOption(repeatable("--exclude <glob>", "exclude names"))
    .addOption(repeatable("--include <glob>", "override the filters"))
    .option("--no-default-filters", "disable the default filters")
    .addOption(
      new Option("--data [scope]", "also data symbols; all: ignore the default filters for them").choices([
        "all",
      ]),
    )
    .addOption(
      new Option("--location <kind>", "line of a function: first address or declaration")
        .choices(["entry", "decl"])
        .default("entry"),
    );
}

/** Converts command-line options to library options. */
export function vmlinuxOptions(options: AliasingOptions): VmlinuxOptions {
  return {
    resolver: options.resolver,
    addr2line: options.addr2line,
    jobs: options.jobs,
    onSilence: silenceReporter(options),
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

/** `--scope`, for commands that alias modules. */
export function scopeOption(): Option {
  return new Option(
    "--scope <scope>",
    "where a name must be unique (default: global, from 7.2 on object)",
  ).choices(["global", "object"]);
}

/** `-o`, for commands that print their result by default. */
export function outputOption(): Option {
  return new Option("-o, --output <file>", "output file").argParser(outputPath).default("-", "stdout");
}

/** Parses the path of a directory, which is not the current one by mistake. */
export function directoryPath(value: string): string {
  if (value === "") throw new InvalidArgumentError("Name a directory.");
  return value;
}

/** Parses the name or path of a program. */
function commandName(value: string): string {
  if (value === "") throw new InvalidArgumentError("Name a program.");
  return value;
}

/** Parses the path of an output, which cannot be that of a directory. */
export function outputPath(value: string): string {
  if (/(^|\/)\.{0,2}$/.test(value)) throw new InvalidArgumentError("Name a file.");
  return value;
}

/** An option that may be given several times. */
export function repeatable(flags: string, description: string, fallback = "none"): Option {
  return new Option(flags, `${description}; repeatable`)
    .argParser((value: string, earlier: string[]) => [...earlier, value])
    .default([], fallback);
}

/** Parses the value of an option. */
export function regularExpression(value: string): RegExp {
  try {
    return new RegExp(value, "u");
  } catch (error) {
    throw new InvalidArgumentError(error instanceof Error ? `${error.message}.` : String(error));
  }
}

function positiveInteger(value: string): number {
  if (/^[1-9][0-9]{0,8}$/.test(value)) return Number(value);
  throw new InvalidArgumentError("Give a whole number from 1 to 999999999.");
}

function separator(value: string): string {
  const fault = separatorFault(value);
  if (fault !== undefined) throw new InvalidArgumentError(fault);
  return value;
}
