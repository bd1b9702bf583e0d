import { Command, CommanderError } from "commander";
import type { Runner } from "./commands/options.ts";
import { CLOSED_STDOUT_STATUS } from "./commands/streams.ts";
import { Failure } from "./failure.ts";
import { VERSION } from "./version.ts";

const WRONG_USAGE_STATUS = 2;
const INTERRUPTED_STATUS = 130;
const TERMINATED_STATUS = 143;

function say(message: string, then?: () => void): void {
  process.stderr.write(`kas-alias: ${message}\n`, then);
}

/** Runs the work of a command and sets the exit status. */
const run: Runner = async (work, failureStatus = 1) => {
  const children = new AbortController();
  const end = (status: number) => {
    children.abort();
    process.exit(status);
  };
  process.once("SIGINT", () => end(INTERRUPTED_STATUS));
  process.once("SIGTERM", () => end(TERMINATED_STATUS));
  try {
    const ended = await work(children.signal);
    process.exitCode = typeof ended === "number" ? ended : ended ? 0 : CLOSED_STDOUT_STATUS;
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    // Do not wait for other work, such as decompression.
    say(error.message, () => end(failureStatus));
  }
};

const program = new Command("kas-alias")
  .description("unique, source-line aliases for the duplicated symbol names of a Linux kernel")
  .version(VERSION)
  .exitOverride()
  .configureOutput({
    // Commander puts a suggestion on a line of its own.
    outputError: (text) =>
      say(
        text
          .trim()
          .replace(/^error: /, "")
          .replace(/\s*\n\s*/g, " "),
      ),
  });

/** The commands, in the order of --help. */
const COMMANDS: Readonly<Record<string, () => Promise<(program: Command, run: Runner) => void>>> = {
  vmlinux: async () => (await import("./commands/vmlinux.ts")).addVmlinuxCommand,
  resolve: async () => (await import("./commands/resolve.ts")).addResolveCommand,
  modules: async () => (await import("./commands/modules.ts")).addModulesCommand,
  kernel: async () => (await import("./commands/kernel.ts")).addKernelCommand,
  diff: async () => (await import("./commands/diff.ts")).addDiffCommand,
  history: async () => (await import("./commands/history.ts")).addHistoryCommand,
  lookup: async () => (await import("./commands/lookup.ts")).addLookupCommand,
  probe: async () => (await import("./commands/probe.ts")).addProbeCommand,
  livepatch: async () => (await import("./commands/livepatch.ts")).addLivepatchCommand,
};

// Loading a command takes time: load only the one that is asked for.
const [asked = ""] = process.argv.slice(2);
for (const [name, load] of Object.entries(COMMANDS)) {
  if (name === asked || !Object.hasOwn(COMMANDS, asked)) (await load())(program, run);
}

try {
  await program.parseAsync();
} catch (error) {
  if (!(error instanceof CommanderError)) throw error;
  process.exitCode = error.exitCode === 0 ? 0 : WRONG_USAGE_STATUS;
}
