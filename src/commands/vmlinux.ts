import { availableParallelism } from "node:os";
import { type Command, InvalidArgumentError, Option } from "commander";
import { locateSymbols, newAliases, selectSymbols } from "../alias/alias-symbols.ts";
import { aliasedListing } from "../alias/aliased-listing.ts";
import { nameSymbols } from "../alias/name-symbols.ts";
import { KSYM_NAME_LEN, separatorFault } from "../alias/naming.ts";
import { statsAsJson, statsAsText } from "../report/stats.ts";
import { Stopwatch } from "../report/stopwatch.ts";
import { addr2lineResolver } from "../source-lines/addr2line-resolver.ts";
import { readListingFile } from "./input.ts";
import { writeOutputs } from "./output.ts";

interface VmlinuxOptions {
  nm: string;
  output: string;
  addr2line: string;
  jobs: number;
  sourceRoot: string[];
  separator: string;
  disambiguate: boolean;
  maxNameLength: number;
  exclude: string[];
  include: string[];
  defaultFilters: boolean;
  stats?: true | "text" | "json";
  quiet: boolean;
}

/** `kas-alias vmlinux`: the listing of a vmlinux, with an alias line behind every duplicated name. */
export function addVmlinuxCommand(
  program: Command,
  run: (work: (signal: AbortSignal) => Promise<boolean>) => Promise<void>,
): void {
  program
    .command("vmlinux")
    .description("give the duplicated names of a vmlinux unique aliases")
    .argument("<elf>", "the vmlinux")
    .requiredOption("--nm <file>", "the listing `nm -n` prints; - for standard input")
    .option("-o, --output <file>", "the aliased listing", "-")
    .addOption(resolverOption())
    .option("--addr2line <tool>", "the tool of --resolver addr2line", "addr2line")
    .option("--jobs <n>", "processes at a time", positiveInteger, availableParallelism())
    .option("--source-root <directory>", "where the source tree was; repeatable", collect, [])
    .option("--separator <character>", "between an alias's parts", separator, "@")
    .option("--no-disambiguate", "leave units and ordinals out")
    .option("--max-name-length <n>", "KSYM_NAME_LEN of the kernel", positiveInteger, KSYM_NAME_LEN)
    .option("--exclude <glob>", "leave names out; repeatable", collect, [])
    .option("--include <glob>", "keep names whatever the filters say; repeatable", collect, [])
    .option("--no-default-filters", "keep the names that are left out by default")
    .addOption(new Option("--stats [format]", "figures on standard error").choices(["text", "json"]))
    .option("--quiet", "no warnings", false)
    .action((elf: string, options: VmlinuxOptions) => run((signal) => vmlinux(elf, options, signal)));
}

function resolverOption(): Option {
  return new Option("--resolver <name>", "what looks up source lines")
    .choices(["addr2line"])
    .default("addr2line");
}

async function vmlinux(elf: string, options: VmlinuxOptions, signal: AbortSignal): Promise<boolean> {
  const aliasOptions = {
    separator: options.separator,
    disambiguate: options.disambiguate,
    maxNameLength: options.maxNameLength,
    data: false,
    filters: { defaults: options.defaultFilters, exclude: options.exclude, include: options.include },
    sourceRoots: options.sourceRoot,
  };
  const stopwatch = new Stopwatch();
  const listing = await stopwatch.time("read", () => readListingFile(options.nm));
  const selection = await stopwatch.time("select", () => selectSymbols(listing, aliasOptions));
  const resolver = addr2lineResolver({ tool: options.addr2line, elf, jobs: options.jobs, signal });
  const places = await stopwatch.time("locate", () =>
    locateSymbols(listing, selection.symbols, resolver, aliasOptions),
  );
  const aliases = await stopwatch.time("name", () =>
    nameSymbols(listing, selection.symbols, places, aliasOptions, selection.existing),
  );
  const stdoutOpen = await stopwatch.time("write", () =>
    writeOutputs([
      { target: options.output, pieces: aliasedListing(listing, newAliases(selection, aliases)) },
    ]),
  );
  if (options.stats) {
    const { aliases: count, unresolved, tooLong, ambiguous, ordinal } = aliases.counts;
    const { symbols, duplicatedNames, excluded } = selection.counts;
    const stats = {
      symbols,
      duplicatedNames,
      aliases: count,
      excluded: tooLong === 0 ? excluded : { ...excluded, "--max-name-length": tooLong },
      ambiguous,
      ordinal,
      unresolved,
      seconds: stopwatch.seconds,
    };
    process.stderr.write(options.stats === "json" ? statsAsJson(stats) : statsAsText(stats));
  }
  return stdoutOpen;
}

function collect(value: string, earlier: string[]): string[] {
  return [...earlier, value];
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
