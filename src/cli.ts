import { Command, CommanderError } from "commander";
import { CLOSED_STDOUT_STATUS, failureStatus, type Runner, TROUBLE_STATUS } from "./commands/exit-status.ts";
import { STDOUT, say, sayText, writeStream } from "./commands/streams.ts";
import { Failure, shortened, unexpectedFailure } from "./failure.ts";
import { undoAll } from "./files/undo-on-signal.ts";
import { VERSION } from "./version.ts";

/** The failure for an error that nothing has foreseen. With KAS_ALIAS_DEBUG it prints the stack trace too. */
function unexpected(error: unknown): Failure {
  if (process.env.KAS_ALIAS_DEBUG) sayText(`${error instanceof Error ? error.stack : error}\n`);
  return unexpectedFailure(error);
}

// Errors outside a command's work: in a callback, or of a standard stream.
process.on("uncaughtException", (error) => {
  say(unexpected(error).message);
  undoAll();
  process.exit(TROUBLE_STATUS);
});

/** Runs the work of a command and sets the exit status. */
const run: Runner = async (work, isQuestion = false) => {
  try {
    const ended = await work();
    process.exitCode = typeof ended === "number" ? ended : ended ? 0 : CLOSED_STDOUT_STATUS;
  } catch (error) {
    const failure = error instanceof Failure ? error : unexpected(error);
    say(failure.message);
    undoAll();
    // Do not wait for other work, such as decompression.
    process.exit(failureStatus(failure, isQuestion));
  }
};

/** What --help or --version prints. */
let information = "";

const program = new Command("kas-alias")
  .description("unique, source-line aliases for the duplicated symbol names of a Linux kernel")
  .version(VERSION)
  .exitOverride()
  .configureOutput({
    writeOut: (text) => {
      information += text;
    },
    writeErr: sayText,
    // Commander puts a suggestion on a line of its own.
    outputError: (text) =>
      say(
        shortened(
          text
            .trim()
            .replace(/^error: /, "")
            .replace(/\s*\n\s*/g, " "),
        ),
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
  if (error.exitCode !== 0) process.exitCode = TROUBLE_STATUS;
  else await run(() => writeStream(STDOUT, [Buffer.from(information)]));
}
