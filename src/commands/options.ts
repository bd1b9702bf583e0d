import { availableParallelism } from "node:os";
import { type Command, InvalidArgumentError, Option } from "commander";
import { separatorFault } from "../alias/naming.ts";

/** Runs a command's work; the work tells whether standard output stayed open. */
export type Runner = (work: (signal: AbortSignal) => Promise<boolean>) => Promise<void>;

/** The options of every command that looks up source lines. */
export interface ResolverOptions {
  resolver: "dwarf" | "addr2line";
  addr2line: string;
  jobs: number;
}

export function addResolverOptions(command: Command): Command {
  return command
    .addOption(
      new Option("--resolver <name>", "what looks up source lines: the built-in reader or an external tool")
        .choices(["dwarf", "addr2line"])
        .default("dwarf"),
    )
    .option(
      "--addr2line <tool>",
      "the tool of --resolver addr2line: GNU, LLVM, elfutils or a cross one",
      "addr2line",
    )
    .option("--jobs <n>", "addr2line processes at a time", positiveInteger, availableParallelism());
}

/** An option that may be given several times. */
export function repeatable(flags: string, description: string): Option {
  return new Option(flags, `${description}; repeatable`)
    .argParser((value: string, earlier: string[]) => [...earlier, value])
    .default([], "none");
}

export function positiveInteger(value: string): number {
  if (/^[1-9][0-9]{0,8}$/.test(value)) return Number(value);
  throw new InvalidArgumentError("Give a whole number from 1.");
}

export function separator(value: string): string {
  const fault = separatorFault(value);
  if (fault !== undefined) throw new InvalidArgumentError(fault);
  return value;
}
