// What tracing tools do with an alias on Linux 7.3: the table in docs/kernel-integration.md, row by row, in a guest.
import { copyFileSync, cpSync, mkdirSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { beforeAll, expect, test } from "vitest";
import { defined } from "../../defined.ts";
import { temporaryDirectory } from "../../temporary-directory.ts";
import { tool } from "../../tool.ts";
import { boot } from "../guest.ts";
import { copyOf, KernelBuild, restoreTree, sourceOf } from "../kernel-build.ts";
import { succeed } from "../stock-kernel.ts";

const tools = defined(process.env.KAS_ALIAS_BOOT_TOOLS, "KAS_ALIAS_BOOT_TOOLS");
const PROGRAMS = fileURLToPath(new URL("../tools", import.meta.url));
/** What BPF programs on kprobes, fprobe and fentry need, beside what test/boot/config has; libbpf and bpftrace need NET. */
const OPTIONS = ["NET", "BPF_JIT", "FPROBE", "KALLSYMS_ALIAS_SRCLINE"];
const ALIAS = "name_show@drivers_rtc_sysfs_c_26";

const refused = (words: RegExp) => ({ words });
/** The hits say which functions are probed: rtc's fires once, irq's twice, regulator's four times. */
const fires = (hits: number, words = /^/) => ({ hits, words });
const RTC = 1;
const IRQ = 2;
const ALL = 7;

/** Commands of tools.sh, and their results. */
const ROWS: Readonly<Record<string, { words: RegExp; hits?: number }>> = {
  'tracefs kprobe_events "p:kas/one name_show"': refused(/error: The symbol is not unique$/),
  'tracefs kprobe_events "p:kas/one $alias"': fires(RTC),
  'tracefs kprobe_events "p:kas/one _text+$offset"': fires(RTC),
  'tracefs kprobe_events "p:kas/$event $alias"': fires(RTC),
  'tracefs kprobe_events "p:kas/${event}4 $alias"': refused(/error: Event name is too long$/),
  'tracefs dynamic_events "f:kas/one name_show"': fires(ALL),
  'tracefs dynamic_events "f:kas/one $alias"': fires(RTC),
  "tracefs set_ftrace_filter name_show": { words: /^accepted\n3$/ },
  'tracefs set_ftrace_filter "$alias"': refused(/Invalid argument\n0$/),

  "count -e 'kprobe:name_show { @ = count(); }'": refused(
    /ERROR: Unable to attach probe: kprobe:name_show\./,
  ),
  'count -e "kprobe:\\"$alias\\" { @ = count(); }"': refused(
    /ERROR: No matches for kprobe name_show@drivers/,
  ),
  'count --unsafe -e "kprobe:\\"$alias\\" { @ = count(); }"': fires(RTC, /WARNING: .* is not traceable/),
  'count --unsafe -e "kprobe:\\"$alias\\" { print(kstack(1)); }"': { words: /^\s+name_show@\w+\+\d+$/m },
  'count --unsafe -e "kprobe:$alias { @ = count(); }"': refused(/requires 1 or 2 arguments, found 3/),
  'count --unsafe -e "kprobe:vmlinux:\\"$alias\\" { @ = count(); }"': fires(RTC),
  "count -e 'kprobe:vmlinux:name_show { @ = count(); }'": refused(/ERROR: Unable to attach probe/),
  "count -e 'kprobe:\"name_show\"+0 { @ = count(); }'": refused(/ERROR: Unable to attach probe/),
  "count -e 'fentry:name_show { @ = count(); }'": fires(IRQ),
  "count -e 'fentry:vmlinux:name_show { @ = count(); }'": fires(IRQ),
  'count --unsafe -e "fentry:\\"$alias\\" { @ = count(); }"': refused(/ERROR: No matches for fentry/),
  'count -e "kprobe:_text+$offset { @ = count(); }"': refused(/ERROR: No matches for kprobe _text\./),
  'count --unsafe -e "kprobe:_text+$offset { @ = count(); }"': fires(RTC),
  'count -e "kprobe:$address { @ = count(); }"': refused(/ERROR: Probing by address requires --unsafe/),
  'count --unsafe -e "kprobe:$address { @ = count(); }"': fires(RTC),

  "attach kprobe_name section": refused(
    /failed to create kprobe 'name_show\+0x0' perf event: -EADDRNOTAVAIL/,
  ),
  "attach kprobe_alias section": refused(/failed to create kprobe 'name_show\+0x0' perf event/),
  "attach any_kprobe attach_kprobe name_show": refused(/failed to create kprobe 'name_show\+0x0' perf event/),
  'attach any_kprobe attach_kprobe "$alias"': fires(RTC),
  'attach any_kprobe attach_kprobe_opts _text "$offset"': fires(RTC),
  "attach multi_name section": fires(IRQ),
  "attach multi_alias section": fires(IRQ),
  'attach any_multi addrs "" "$address"': fires(RTC),
  "attach any_multi pattern name_show": fires(IRQ),
  'attach any_multi pattern "$alias"': fires(RTC),
  "attach any_multi pattern 'name_show*'": fires(ALL),
  "attach any_multi unique_match name_show": refused(
    /failed to find a unique match for 'name_show' \(3 matches\)/,
  ),
  'attach any_multi unique_match "$alias"': refused(/^not attached: No such file or directory$/),
  "attach fentry_name section": fires(IRQ),
  "attach fentry_alias section": refused(/failed to find kernel BTF type ID of 'name_show@/),

  "perf_probe name_show": fires(ALL),
  'perf_probe "$alias"': refused(/Error: Failed to add events/),
  "perf_probe \"'$alias'\"": fires(RTC),
  "perf_probe -k /vmlinux \"'$alias'\"": refused(/^Probe point 'name_show@\w+' not found/),
  "perf_probe name_show@drivers/rtc/sysfs.c": refused(/Error: Failed to add events/),
  "perf_probe -k /vmlinux name_show@drivers/rtc/sysfs.c": fires(RTC),
  'perf_probe "_text+$offset"': refused(/Offset \d+ is bigger than the size of _text/),
  'perf_probe "$address"': fires(RTC),

  "trace_cmd -p function -l name_show": { words: /^7 lines, 7 of name_show, 0 of the event$/m },
  // It traces all functions.
  'trace_cmd -p function -l "$alias"': { words: /^\d{5,} lines, /m },
  'echo "p:rtc $alias" > $tracing/kprobe_events; trace_cmd -e kprobes': {
    words: /^1 lines, 0 of name_show, 1 of the event$/m,
  },

  "count --unsafe /probes.bt": fires(RTC),
  "system_count /probes.bt": fires(RTC),
  // As a distribution's package of debug information puts it.
  "ln -s /vmlinux /boot/vmlinux-$(uname -r)": { words: /^$/ },
  "count --unsafe /probes.bt # and a vmlinux": fires(RTC),
  "BPFTRACE_VMLINUX=/dev/null count --unsafe /probes.bt": fires(RTC),
  "system_count --unsafe /probes.bt": refused(/ERROR: Offset outside the function bounds/),
  "BPFTRACE_VMLINUX=/dev/null system_count --unsafe /probes.bt": fires(RTC),
};

let guest: Map<string, string>;

beforeAll(() => {
  const source = copyOf(sourceOf("7.3"), "tools");
  const build = new KernelBuild(source);
  restoreTree(source);
  succeed("kernel", "install", source.tree);
  build.configure(...OPTIONS.flatMap((option) => ["-e", option]));
  build.must("bzImage");

  const directory = temporaryDirectory();
  const file = (name: string) => join(directory, name);
  buildLoader(file("attach"), file("count.bpf.o"));
  succeed("vmlinux", build.path("vmlinux"), "--table", file("table"));
  const map = build.path("System.map");
  const where = ["--table", file("table"), "--kallsyms", map, "--format", "bpftrace"];
  writeFileSync(file("probes.bt"), succeed("probe", ALIAS, ...where));
  writeFileSync(file("rows"), Object.keys(ROWS).join("\n").concat("\n"));

  const root = file("root");
  cpSync(join(tools, "root"), root, { recursive: true });
  copyFileSync(file("attach"), join(root, "usr/bin/attach"));
  copySystemBpftrace(join(root, "system"));
  const files = [file("count.bpf.o"), file("probes.bt"), file("rows"), build.path("vmlinux")];
  const image = build.path("arch/x86/boot/bzImage");
  guest = boot(image, "", files, directory, { init: "tools.sh", memory: 3072, seconds: 1800 });
}, 5_400_000);

/** Compiles the BPF programs, and the program that attaches them by the newer libbpf. */
function buildLoader(loader: string, object: string): void {
  const headers = ["-I", join(tools, "include")];
  const include = [...headers, "-I", "/usr/include/x86_64-linux-gnu", `-DALIAS="${ALIAS}"`];
  tool("clang", [
    "-O2",
    "-g",
    "-target",
    "bpf",
    ...include,
    "-c",
    join(PROGRAMS, "count.bpf.c"),
    "-o",
    object,
  ]);
  const libbpf = join(tools, "root/usr/lib/x86_64-linux-gnu/libbpf.so.1");
  // The library wants a newer libc than the system's.
  const link = [libbpf, "-Wl,--allow-shlib-undefined", "-o", loader];
  tool("gcc", ["-O1", "-Wall", "-Werror", ...headers, join(PROGRAMS, "attach.c"), ...link]);
}

/** The system's bpftrace and its libraries, which are of another version. */
function copySystemBpftrace(directory: string): void {
  mkdirSync(directory);
  const libraries = tool("ldd", ["/usr/bin/bpftrace"])
    .toString()
    .matchAll(/(\/\S+) \(/g);
  for (const path of ["/usr/bin/bpftrace", ...Array.from(libraries, ([, path = ""]) => path)])
    copyFileSync(path, join(directory, basename(path)));
}

test.each(Object.entries(ROWS))("%s", (command, { words, hits }) => {
  const output = defined(guest.get(command), `the guest's section ${command}`);
  expect(output).toMatch(words);
  const counted = /^(?:@(?:\[\w+\])?: )?(\d+)(?: hits)?$/m.exec(output)?.[1];
  if (hits !== undefined) expect(counted, output).toBe(`${hits}`);
});
