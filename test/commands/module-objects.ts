// A small tree of modules, built in place as Kbuild does: each from several units, with names shared in every way.
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { tool } from "../tool.ts";

/** Functions stay as and where they are written, so that which one is at offset 0 of its section is known. */
const CFLAGS = "-g -O2 -ffreestanding -fno-pic -fcf-protection=none -fno-toplevel-reorder -Iinclude".split(
  " ",
);

const SOURCES: Readonly<Record<string, string>> = {
  "include/kept.h": `
#define KEPT __attribute__((noipa))
#define __init __attribute__((section(".init.text")))
#define __exit __attribute__((section(".exit.text")))
extern void touch(int);
`,
  "include/measure.h": `
static KEPT void measure(int x) { touch(x * 3); touch(x); }
`,
  "drivers/alpha/first.c": `
#include <kept.h>
static KEPT void begin(int x) { touch(x); touch(x + 1); }
#include <measure.h>
static KEPT void show(int x) { measure(x); begin(x); }
static KEPT void limit(int x) { touch(x / 5); touch(x); }
static KEPT void probe_device(int x) { touch(x + 5); limit(x); }
static KEPT __exit void leave(int x) { show(x); touch(x); }
static KEPT __exit void halt(int x) { leave(x); touch(x); }
void alpha_first(int x) { show(x); probe_device(x); }
void __exit cleanup_module(void) { halt(1); touch(2); }
`,
  "drivers/alpha/second.c": `
#include <kept.h>
#include <measure.h>
static int limit = 4;
static KEPT __init void begin(int x) { touch(x); touch(x + 2); }
static KEPT void show(int x) { measure(x); touch(limit++); }
static KEPT __attribute__((cold)) void halt(int x) { show(x); touch(x); }
void alpha_second(int x) { show(x); halt(x); }
int __init init_module(void) { begin(3); return limit; }
static const char vermagic[] __attribute__((used, section(".modinfo"))) = "vermagic=6.12.1-test SMP mod_unload";
`,
  "drivers/beta/beta.c": `
#include <kept.h>
#include <measure.h>
static KEPT void since_epoch_show(int x) { measure(x); touch(x + 3); }
static KEPT void show(int x) { since_epoch_show(x); touch(x); }
static KEPT void beta_alone(int x) { show(x); touch(x); }
void __exit cleanup_module(void) { beta_alone(1); touch(2); }
int __init init_module(void) { show(3); return 0; }
`,
  "lib/gamma.c": `
#include <kept.h>
KEPT void touch(int x) { *(volatile int *)0x100 = x; }
static KEPT void probe_device(int x) { touch(x); touch(x - 1); }
static KEPT void emit(int x) { touch(x); touch(x + 9); }
void gamma_entry(int x) { probe_device(x); emit(x); }
`,
  "lib/lonely.c": `
#include <kept.h>
static KEPT void lonely_part(int x) { touch(x); touch(x + 1); }
void lonely_entry(int x) { lonely_part(x); touch(x); }
`,
};

const UNITS: Readonly<Record<string, { units: string[]; flags?: string[] }>> = {
  "drivers/alpha/alpha-core": { units: ["drivers/alpha/first", "drivers/alpha/second"] },
  "drivers/beta/beta": { units: ["drivers/beta/beta"] },
  "lib/gamma": { units: ["lib/gamma"], flags: ["-ffunction-sections"] },
  "lib/lonely": { units: ["lib/lonely"] },
};

/** The paths of the modules in a tree, without suffixes; each has a .ko and the .o that it was linked from. */
export const MODULES = Object.keys(UNITS);

/** Compiles a source file of a tree, which the debug information names relative to that, to the object beside it. */
export function compile(tree: string, source: string, ...flags: string[]): string {
  const object = source.replace(/\.c$/, ".o");
  tool("env", ["-C", tree, "gcc", ...CFLAGS, ...flags, "-c", "-o", object, source]);
  return join(tree, object);
}

/** Builds the modules below a new directory. */
export function buildModules(tree: string, ...moreFlags: string[]): void {
  for (const [path, text] of Object.entries(SOURCES)) {
    mkdirSync(dirname(join(tree, path)), { recursive: true });
    writeFileSync(join(tree, path), text);
  }
  for (const [module, { units, flags = [] }] of Object.entries(UNITS)) {
    const objects = units.map((unit) => compile(tree, `${unit}.c`, ...flags, ...moreFlags));
    const path = join(tree, module);
    if (objects.length > 1) tool("ld", ["-r", "-o", `${path}.o`, ...objects]);
    tool("ld", ["-r", "--build-id", "-o", `${path}.ko`, `${path}.o`]);
  }
}

/** A symbol as nm prints it. */
export interface NmSymbol {
  readonly name: string;
  /** Hexadecimal digits; an offset in the section, in a module. */
  readonly address: string;
  readonly type: string;
  readonly section: string;
}

/** The symbols that an object defines. */
export function symbolsOf(object: string): NmSymbol[] {
  const lines = tool("nm", ["-n", "-f", "sysv", object])
    .toString()
    .matchAll(/^(.*?) *\|([0-9a-f]+)\| +(\S) +\|[^|]*\|[^|]*\|[^|]*\|(\S*)$/gm);
  return Array.from(lines, ([, name = "", address = "", type = "", section = ""]) => ({
    name,
    address,
    type,
    section,
  }));
}
