import { Command, CommanderError } from "commander";
import { addDiffCommand } from "./commands/diff.ts";
import { addHistoryCommand } from "./commands/history.ts";
import { addKernelCommand } from "./commands/kernel.ts";
import { addLivepatchCommand } from "./commands/livepatch.ts";
import { addLookupCommand } from "./commands/lookup.ts";
import { addModulesCommand } from "./commands/modules.ts";
import type { Runner } from "./commands/options.ts";
import { CLOSED_STDOUT_STATUS } from "./commands/output.ts";
import { addProbeCommand } from "./commands/probe.ts";
import { addResolveCommand } from "./commands/resolve.ts";
import { addVmlinuxCommand } from "./commands/vmlinux.ts";
import { Failure } from "./failure.ts";
import { VERSION } from "./version.ts";

const WRONG_USAGE_STATUS = 2;
const INTERRUPTED_STATUS = 130;
const TERMINATED_STATUS = 143;

function say(message: string): void {
  process.stderr.write(`kas-alias: ${message}\n`);
}

/** Runs a command's work and sets the exit status. */
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
    say(error.message);
    process.exitCode = failureStatus;
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

/** The commands, in the order in which help tells of them. */
const COMMANDS = {
  vmlinux: addVmlinuxCommand,
  resolve: addResolveCommand,
  modules: addModulesCommand,
  kernel: addKernelCommand,
  diff: addDiffCommand,
  history: addHistoryCommand,
  lookup: addLookupCommand,
  probe: addProbeCommand,
  livepatch: addLivepatchCommand,
};

// The options of a command take a while to describe: those of others are left out.
const [asked = ""] = process.argv.slice(2);
for (const [name, add] of Object.entries(COMMANDS)) {
  if (name === asked || !Object.hasOwn(COMMANDS, asked)) add(program, run);
}

try {
  await program.parseAsync();
} catch (error) {
  if (!(error instanceof CommanderError)) throw error;
  process.exitCode = error.exitCode === 0 ? 0 : WRONG_USAGE_STATUS;
}
