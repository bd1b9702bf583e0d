import { cpSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { tool } from "../tool.ts";

const SAMPLES = fileURLToPath(new URL("../../samples", import.meta.url));

/**
 * Builds a later version of the sample kernel: a file has grown, one was renamed, functions were renamed, added and given another
 * suffix, and one is linked earlier. test/commands/diff.test.ts lists the effect on each symbol.
 *
 * @param directory an empty one
 * @returns the image's path
 */
export function buildNextSample(directory: string): string {
  const samples = join(directory, "samples");
  cpSync(SAMPLES, samples, { recursive: true });
  const edit = (path: string, change: (text: string) => string) => {
    const file = join(samples, path);
    const text = readFileSync(file, "utf8");
    const changed = change(text);
    if (changed === text) throw new Error(`${path} was not changed`);
    writeFileSync(file, changed);
  };
  edit("linux/drivers/rtc/sysfs.c", (text) => `/*\n * More.\n */\n${text}`);
  edit("linux/drivers/pnp/card.c", (text) => text.replaceAll(/\bprobe_one\b/g, "probe_card"));
  edit("linux/arch/x86/kernel/head64.c", (text) => text.replaceAll("early_fixup", "early_patch"));
  edit("linux/kernel/time/jiffies.c", (text) => `${text}\nstatic void __used since_epoch_show(void)\n{\n}\n`);
  renameSync(join(samples, "linux/kernel/params.c"), join(samples, "linux/kernel/options.c"));
  const sysfs = "add drivers/rtc/sysfs.c";
  edit("build.sh", (text) =>
    text
      .replace("kernel/params.c", "kernel/options.c")
      .replace(/^add mm\/vmalloc.c .*$/m, "$& -fno-ipa-cp")
      .replace(new RegExp(`^${sysfs} .*\n`, "m"), "")
      .replace(/^add drivers\/pnp\/card.c (.*)$/m, `${sysfs} $1\n$&`),
  );
  const image = join(directory, "vmlinux");
  tool("env", [`OUT=${image}`, join(samples, "build.sh")]);
  return image;
}
