import type { Command } from "commander";
import type { Runner } from "./exit-status.ts";
import { explain, install, remove, status } from "./kernel-hook.ts";
import { type InjectOptions, inject } from "./kernel-inject.ts";
import { type WrapOptions, wrap } from "./kernel-wrap.ts";
import { addNamingOptions, directoryPath, outputPath, repeatable, scopeOption } from "./options.ts";

/** `kas-alias kernel`: adds aliases to a kernel's own build. */
export function addKernelCommand(program: Command, run: Runner): void {
  const command = program.command("kernel").description("add aliases to a kernel's own build");
  const wrapCommand = command
    .command("wrap")
    .description("print a wrapper of nm that adds aliases to any kernel: make NM=<file>")
    .option("-o, --output <file>", "write it to a file, and make that executable", outputPath, "-")
    .option(
      "--build <dir>",
      "build directory of the kernel: vmlinux is linked again if aliases may change",
      directoryPath,
    )
    .option("--nm <command>", "nm of the build (default: as the kernel's Makefile selects it)")
    .option("--symbol-frequency <file>", "also count names of modules (modules.symbfreq)");
  addNamingOptions(wrapCommand).action((options: WrapOptions) => run(() => wrap(wrapCommand, options)));
  const injectCommand = command
    .command("inject")
    .description(
      "add aliases to the modules of a kernel's build, between `make modules` and `make modules_install`",
    )
    .argument("<build>", "build directory of the kernel", directoryPath)
    .addOption(scopeOption())
    .option("--symbol-frequency <file>", "write the number of symbols with each name", outputPath)
    .option("--table <file>", "write the alias table of the modules", outputPath)
    .option("--drop-signature", "accept signed modules; omit the signature")
    .addOption(
      repeatable("--debug-directory <dir>", "directory with the debug information of stripped modules"),
    );
  addNamingOptions(injectCommand).action((build: string, options: InjectOptions) =>
    run(() => inject(build, options)),
  );
  const actions = [
    ["status", "print the version of a tree, and how the hook fits", status],
    ["install", "put the hook (CONFIG_KALLSYMS_ALIAS_SRCLINE) and this program into a tree", install],
    ["remove", "remove them", remove],
  ] as const;
  for (const [name, description, work] of actions) {
    command
      .command(name)
      .description(description)
      .argument("<tree>", "the top of a Linux source tree", directoryPath)
      .action((path: string) => run(async () => work(path)));
  }
  command
    .command("explain")
    .description("describe each change that `install` makes")
    .action(() => run(explain));
}
