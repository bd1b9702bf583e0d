import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { DEFAULT_FILTERS, nameFilter } from "../../src/alias/filters.ts";

const byDefault = nameFilter({ defaults: true, exclude: [], include: [] });

/** For each rule, a name that it excludes and a similar one that it keeps. */
const RULES: readonly [rule: string, hit: string, miss: string][] = [
  ["__pfx_*", "__pfx_name_show", "pfx_name_show"],
  ["__cfi_*", "__cfi_name_show", "_cfi_name_show"],
  ["__UNIQUE_ID_*", "__UNIQUE_ID_ddebug42.5", "UNIQUE_ID_x"],
  [".LC#", ".LC12", ".xLC12"],
  [".L#*", ".L12^B3", "xL12"],
  ["__compound_literal.#", "__compound_literal.3", "__compound_literal.x"],
  ["__key.#", "__key.12", "__keys.12"],
  ["__mkey.#", "__mkey.1", "__mkey"],
  ["__wkey.#", "__wkey.1", "__wkey.1a"],
  ["*TRACE_SYSTEM*", "TRACE_SYSTEM_RCU", "TRACE_SYS"],
  ["__already_done.#", "__already_done.77", "already_done.77"],
  ["__msg.#", "__msg.5", "__msgs.5"],
  ["__func__.#", "__func__.0", "__func__"],
  ["CSWTCH.#", "CSWTCH.144", "CSWTCHX.144"],
  ["_rs.#", "_rs.1", "rs.1"],
  ["___tp_str.#", "___tp_str.2", "__tp_str.2"],
  ["__flags.#", "__flags.9", "flags.9"],
  ["___done.#", "___done.3", "__done.3"],
  ["__print_once.#", "__print_once.1", "print_once.1"],
  ["___once_key.#", "___once_key.4", "__once_key.4"],
  ["symbols.#", "symbols.2", "symbol.2"],
  ["_note_#", "_note_18", "_note_18a"],
  [".L*", ".Lname", ".lname"],
  ["__efistub_*", "__efistub_strlen", "efistub_strlen"],
  ["__pi_.L*", "__pi_.Lx", "__pi_Lx"],
  ["__kvm_nvhe_.L*", "__kvm_nvhe_.Lx", "__kvm_nvhe_Lx"],
  ["__kcfi_typeid_*", "__kcfi_typeid_f", "kcfi_typeid_f"],
  ["__pi___kcfi_typeid_*", "__pi___kcfi_typeid_f", "__pi_kcfi_typeid_f"],
  ["__kvm_nvhe___kcfi_typeid_*", "__kvm_nvhe___kcfi_typeid_f", "__kvm_nvhe_f"],
  ["__crc_*", "__crc_printk", "_crc_printk"],
  ["__kstrtab_*", "__kstrtab_printk", "kstrtab_printk"],
  ["__kstrtabns_*", "__kstrtabns_printk", "kstrtabns_printk"],
  ["*_from_arm", "__memset_from_arm", "memset_from_arms"],
  ["*_from_thumb", "f_from_thumb", "f_from_thumbs"],
  ["*_veneer", "__memset_veneer", "memset_veneers"],
  ["L0", "L0", "L00"],
  ["_SDA_BASE_", "_SDA_BASE_", "_SDA_BASE"],
  ["_SDA2_BASE_", "_SDA2_BASE_", "_SDA2_BASE"],
  ["*.long_branch.*", "0001.long_branch.f", "long_branch.f"],
  ["*.plt_branch.*", "0001.plt_branch.f", "plt_branch.f"],
  ["__mod_device_table__*", "__mod_device_table__1__pci__ids", "mod_device_table__1"],
  ["$*", "$x.42", "x$"],
  ["$*", "__pi_$d", "__pi_d"],
  ["$*", "__kvm_nvhe_$x", "__kvm_nvhe_x$"],
  ["__*Thunk_*", "__AArch64ADRPThunk_f", "__AArch64_ADRPThunk_f"],
  ["__*Thunk_*", "__ARMV5PILongThunk_f", "ARMThunk_f"],
  ["__*_start", "__noinstr_text_start", "_noinstr_text_start"],
  ["__*_end", "__noinstr_text_end", "__noinstr_text_ends"],
];

describe("the default filters", () => {
  test.each(RULES)("%s excludes %s and keeps %s", (rule, hit, miss) => {
    expect(byDefault(hit)).toBe(rule);
    expect(byDefault(miss)).toBeUndefined();
  });

  test("are all tried above", () => {
    expect(new Set(DEFAULT_FILTERS.map(({ rule }) => rule))).toEqual(new Set(RULES.map(([rule]) => rule)));
  });

  test.each([
    "name_show",
    "init_once",
    "calculate_order.isra.0",
    "count.0",
    "panic.cold",
    "start_secondary",
    "fs_end",
    "restart",
    "__start",
    "flags",
    "veneer",
    "L1",
    "_note",
    "a\nb",
  ])("keep %j", (name) => {
    expect(byDefault(name)).toBeUndefined();
  });
});

describe("a user's filters", () => {
  test("treat * as any characters, ? as one, and everything else literally", () => {
    const filter = (glob: string) => nameFilter({ defaults: false, exclude: [glob], include: [] });
    expect(filter("a*z")("abcz")).toBe("a*z");
    expect(filter("a*z")("az")).toBe("a*z");
    expect(filter("a*z")("azx")).toBeUndefined();
    expect(filter("a?z")("abz")).toBe("a?z");
    expect(filter("a?z")("az")).toBeUndefined();
    expect(filter("a.z")("abz")).toBeUndefined();
    expect(filter("a#")("a1")).toBeUndefined();
    expect(filter("a#")("a#")).toBe("a#");
    expect(filter("(a|b)")("a")).toBeUndefined();
    expect(filter("[ab]$^+{}\\")("[ab]$^+{}\\")).toBe("[ab]$^+{}\\");
  });

  test("match as the shell's do, in linear time", () => {
    const letters = fc.constantFrom("a", "b", "*", "?");
    const glob = fc.array(letters, { maxLength: 8 }).map((all) => all.join(""));
    const name = fc.array(fc.constantFrom("a", "b"), { maxLength: 12 }).map((all) => all.join(""));
    fc.assert(
      fc.property(glob, name, (glob, name) => {
        const pattern = new RegExp(`^${glob.replaceAll("?", ".").replaceAll("*", ".*")}$`);
        const filter = nameFilter({ defaults: false, exclude: [glob], include: [] });
        expect(filter(name) !== undefined).toBe(pattern.test(name));
      }),
    );
    const slow = nameFilter({ defaults: false, exclude: [`${"*a".repeat(40)}*b`], include: [] });
    expect(slow("a".repeat(100_000))).toBeUndefined();
  });

  test("exclude names before the default filters", () => {
    const filter = nameFilter({ defaults: true, exclude: ["*_show", "__pfx_*show"], include: [] });
    expect(filter("name_show")).toBe("*_show");
    expect(filter("__pfx_name_show")).toBe("*_show");
    expect(filter("__pfx_other")).toBe("__pfx_*");
  });

  test("keep names regardless of other filters", () => {
    const filter = nameFilter({ defaults: true, exclude: ["*_show"], include: ["name_*", "__pfx_a"] });
    expect(filter("name_show")).toBeUndefined();
    expect(filter("__pfx_a")).toBeUndefined();
    expect(filter("other_show")).toBe("*_show");
    expect(filter("__pfx_b")).toBe("__pfx_*");
  });

  test("are the only filters without the default ones", () => {
    const filter = nameFilter({ defaults: false, exclude: ["x"], include: [] });
    expect(filter("__pfx_a")).toBeUndefined();
    expect(filter("x")).toBe("x");
  });
});
