import { spawnSync } from "node:child_process";
import { chmodSync, copyFileSync, mkdirSync, readFileSync, symlinkSync } from "node:fs";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { tool } from "../tool.ts";

const APPLETS =
  "sh mount cat echo grep sed awk dmesg wc md5sum cut head tail tr ln mkdir rm uname timeout sleep insmod rmmod reboot".split(
    " ",
  );

interface Guest {
  /** The script beside this file that is the first process. */
  readonly init: string;
  /** In MB. */
  readonly memory: number;
  /** Time until the guest is stopped. */
  readonly seconds: number;
}

const TRACEFS: Guest = { init: "init.sh", memory: 512, seconds: 300 };

/**
 * Boots a kernel and runs a script in it, next to the files.
 * @param directory may have a `root` already, to which the files are added
 * @returns the script's output, by section
 */
export function boot(
  bzImage: string,
  options: string,
  files: readonly string[],
  directory: string,
  { init, memory, seconds } = TRACEFS,
): Map<string, string> {
  const root = join(directory, "root");
  for (const folder of ["bin", "proc", "sys", "dev"]) mkdirSync(join(root, folder), { recursive: true });
  copyFileSync("/bin/busybox", join(root, "bin/busybox"));
  for (const applet of APPLETS) symlinkSync("busybox", join(root, "bin", applet));
  for (const file of files) copyFileSync(file, join(root, basename(file)));
  copyFileSync(fileURLToPath(new URL(init, import.meta.url)), join(root, "init"));
  chmodSync(join(root, "init"), 0o755);
  const initramfs = join(directory, "initramfs.gz");
  tool("sh", ["-c", 'cd "$0" && find . | cpio -o -H newc --quiet | gzip -1 > "$1"', root, initramfs]);

  const console = join(directory, "console");
  const { status, error } = spawnSync(
    "qemu-system-x86_64",
    [
      ...["-M", "pc", "-cpu", "max", "-smp", "1", "-m", `${memory}`, "-nic", "none"],
      ...["-display", "none", "-monitor", "none", "-serial", `file:${console}`, "-no-reboot"],
      ...["-kernel", bzImage, "-initrd", initramfs],
      ...["-append", `console=ttyS0 ${options} quiet panic=-1`],
    ],
    { timeout: seconds * 1000, stdio: ["ignore", "ignore", "inherit"] },
  );
  if (error !== undefined) throw error;
  const output = readFileSync(console, "latin1").replaceAll("\r", "");
  if (status !== 0 || !output.includes("\n== end\n")) throw new Error(`the guest did not end:\n${output}`);
  const sections = new Map<string, string>();
  for (const section of output.split(/^== /m).slice(1)) {
    const end = section.indexOf("\n");
    sections.set(section.slice(0, end), section.slice(end + 1).trimEnd());
  }
  return sections;
}
